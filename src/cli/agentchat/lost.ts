import type { Chat } from "./chat.js";

/** Resolves when the line is gone for good: closed, and the client does not try again. */
export function lostForGood(chat: Chat): Promise<"lost"> {
  return new Promise((resolve) => {
    let trying = false;
    chat.on("reconnecting", () => {
      trying = true;
    });
    chat.on("close", () => {
      trying = false;
      // The client says in the same turn whether it tries again.
      setImmediate(() => {
        if (!trying) resolve("lost");
      });
    });
  });
}
