import { randomUUID } from "node:crypto";
import { Option, type Command } from "commander";
import type { MsgEvent } from "../../../bridges/agentchat/events.js";
import { print, say as tell } from "../output.js";
import { withChat, type Chat } from "./chat.js";
import { addressing, deliver, enter, undelivered } from "./delivery.js";
import { messageLine } from "./event-lines.js";
import { CommandFailure, exitCodes, failureLine } from "./exit.js";
import { mustBeOneText, oneText, seconds, talks, target, type TalkOptions } from "./options.js";

interface Options extends TalkOptions {
  /** Seconds; true: `usualWait`. */
  readonly wait?: number | true;
}

const usualWait = 30;

/**
 * `agentchat send`: connects, sends one message, waits until the server has accepted it (with `--wait`: for the answer,
 * too), and disconnects. A refusal is an error.
 */
export function sendCommand(program: Command): void {
  talks(
    oneText(program.command("send"))
      .argument("<server>", "ws://HOST:PORT")
      .argument("<target>", "'#channel' (in quotes) or @agent-id")
      .argument("<message>", "what to say; put -- before it if it starts with -")
      .description("say one thing to an agent, or to a channel, which is joined for it")
      .addOption(
        new Option(
          "--wait [seconds]",
          `wait for the answer and print it, at most ${usualWait} s or as long as given; give it last. ` +
            `Without an answer the exit code is ${exitCodes.timedOut}`,
        ).argParser(seconds),
      ),
  ).action(async (server: string, to: string, message: string, options: Options, command: Command) => {
    mustBeOneText(command);
    const at = target(to);
    const wait = options.wait === true ? usualWait : options.wait;
    const asked: Asked = { msgId: randomUUID(), to: at, content: message };
    const { from, answer } = await withChat(server, options, { line: { to: at, content: message } }, async (chat) => {
      const answered = wait === undefined ? undefined : listenForAnswer(chat, asked);
      if (at.startsWith("#")) await enter(chat, at); // only members get the answer, and may speak at some servers
      await addressing(chat, at, () => delivered(chat, asked));
      return { from: chat.agentId, answer: await answered?.within((wait ?? 0) * 1_000) };
    });
    if (options.json === true)
      print(
        options,
        { from, to: at, msg_id: asked.msgId, ...(wait !== undefined && { answer: answer ?? null }) },
        () => "",
      );
    else if (answer === undefined) tell(`sent to ${at}`);
    else print(options, answer, () => messageLine(answer, (_style, text) => text));
    if (wait !== undefined && answer === undefined)
      throw new CommandFailure(exitCodes.timedOut, `${at} has not answered within ${wait} s; the message was accepted`);
  });
}

/** @throws what `undelivered` makes of the failure */
async function delivered(chat: Chat, { msgId, to, content }: Asked): Promise<void> {
  try {
    await deliver(chat, to, content, msgId);
  } catch (thrown) {
    throw undelivered(thrown);
  }
}

/** The message whose answer is waited for. */
export interface Asked {
  readonly msgId: string;
  /** `#channel` or `@agent-id`. */
  readonly to: string;
  readonly content: string;
}

/**
 * True if `heard` answers the message that `self` sent: it names the message, or it is a direct message to `self` from
 * the agent that was asked (after a message to a channel: from anybody).
 */
export function isAnswer(heard: MsgEvent, { msgId, to }: Omit<Asked, "content">, self: string | undefined): boolean {
  if (heard.replay === true || heard.from === self || heard.from === "@server") return false;
  if (heard.in_reply_to === msgId) return true;
  return heard.to === self && (to.startsWith("#") || heard.from === to);
}

/**
 * Listens for the first answer from now on. Call `within` when the message has been sent.
 * @returns `within` resolves with the answer, or with undefined if none has come after `ms`; it rejects with
 * CommandFailure noServer if the connection is lost, with the refusal if the server takes the message back
 */
export function listenForAnswer(
  chat: Pick<Chat, "agentId" | "on">,
  asked: Asked,
): { readonly within: (ms: number) => Promise<MsgEvent | undefined> } {
  const { to, content } = asked;
  let msgId = asked.msgId;
  const first = new Promise<MsgEvent>((resolve) => {
    chat.on("message", (heard) => {
      const isOwn =
        heard.from === chat.agentId && heard.replay !== true && heard.to === to && heard.content === content;
      if (isOwn && heard.msg_id !== "")
        msgId = heard.msg_id; // other servers give ids of their own
      else if (isAnswer(heard, { msgId, to }, chat.agentId)) resolve(heard);
    });
  });
  // Who was here a moment ago may come back: the server refuses the message only after that.
  const refused = new Promise<Error>((resolve) => {
    chat.on("error", (error) => {
      if ("ref" in error && error.ref === asked.msgId) resolve(error);
      else tell(`agentchat: ${failureLine(error)}`);
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
      const came = await Promise.race([first, refused, lost, over]);
      clearTimeout(late);
      if (came instanceof Error) throw came;
      if (came === "lost")
        throw new CommandFailure(
          exitCodes.noServer,
          "the connection was lost while waiting for the answer; the message was sent",
        );
      return came;
    },
  };
}
