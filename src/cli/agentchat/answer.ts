import type { MsgEvent } from "../../../bridges/agentchat/events.js";
import type { Chat } from "./chat.js";
import { CommandFailure, exitCodes } from "./exit.js";

/** A message that an answer is waited for. */
export interface Asked {
  readonly msgId: string;
  /** `#channel` or `@agent-id`. */
  readonly to: string;
}

/**
 * Whether `heard` answers what `self` said: it names the message, or comes to `self` alone from whoever was asked (in a
 * channel: anybody). Pure.
 */
export function isAnswer(heard: MsgEvent, { msgId, to }: Asked, self: string | undefined): boolean {
  if (heard.replay === true || heard.from === self || heard.from === "@server") return false;
  if (heard.in_reply_to === msgId) return true;
  return heard.to === self && (to.startsWith("#") || heard.from === to);
}

/**
 * Listens for the first answer from now on; ask for it once the message is sent.
 * @returns `within` resolves with undefined if none has come after `ms`.
 * @throws (within) CommandFailure noServer when the connection is lost
 */
export function listenForAnswer(
  chat: Chat,
  asked: Asked,
): { readonly within: (ms: number) => Promise<MsgEvent | undefined> } {
  const first = new Promise<MsgEvent>((resolve) => {
    chat.on("message", (heard) => {
      if (isAnswer(heard, asked, chat.agentId)) resolve(heard);
    });
  });
  const lost = new Promise<"lost">((resolve) => {
    chat.on("close", () => {
      resolve("lost");
    });
  });
  return {
    within: async (ms) => {
      let late: NodeJS.Timeout | undefined;
      const over = new Promise<undefined>((resolve) => {
        late = setTimeout(() => {
          resolve(undefined);
        }, ms);
      });
      const came = await Promise.race([first, lost, over]);
      clearTimeout(late);
      if (came === "lost")
        throw new CommandFailure(
          exitCodes.noServer,
          "the connection was lost while waiting for the answer; the message was sent",
        );
      return came;
    },
  };
}
