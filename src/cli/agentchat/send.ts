import { Option, type Command } from "commander";
import { print, say as tell } from "../output.js";
import { addressing } from "./addressing.js";
import { listenForAnswer } from "./answer.js";
import { withChat } from "./chat.js";
import { messageLine } from "./console-lines.js";
import { CommandFailure, exitCodes } from "./exit.js";
import { mustBeOneText, oneText } from "./one-text.js";
import { seconds, talks, type TalkOptions } from "./options.js";
import { enter, newMsgId, deliverInside } from "./said.js";
import { target } from "./target.js";

interface Options extends TalkOptions {
  /** Seconds; true: as long as usual. */
  readonly wait?: number | true;
}

const usualWait = 30;

/**
 * `agentchat send`: connects, says one thing, leaves; with `--wait` not before it is answered. A refusal of it is an
 * error here.
 */
export function sendCommand(program: Command): void {
  talks(
    oneText(program.command("send"))
      .argument("<server>", "ws://HOST:PORT")
      .argument("<target>", "'#channel' (in quotes) or @agent-id")
      .argument("<message>", "what to say; put -- before it if it starts with -")
      .description("say one thing to a channel or an agent; an invite-only channel is joined for it")
      .addOption(
        new Option(
          "--wait [seconds]",
          `wait for the answer and print it, at most ${usualWait} s or as long as given; give it last. Without an answer the exit code is ${exitCodes.timedOut}`,
        ).argParser(seconds),
      ),
  ).action(async (server: string, to: string, message: string, options: Options, command: Command) => {
    mustBeOneText(command);
    const at = target(to);
    const wait = options.wait === true ? usualWait : options.wait;
    const msgId = newMsgId();
    const { from, answer } = await withChat(server, options, { line: { to: at, content: message } }, async (chat) => {
      const answered = wait === undefined ? undefined : listenForAnswer(chat, { msgId, to: at });
      if (answered !== undefined && at.startsWith("#")) await enter(chat, at); // its members hear the answer
      await addressing(chat, at, () => deliverInside(chat, at, message, msgId));
      return { from: chat.agentId, answer: await answered?.within((wait ?? 0) * 1_000) };
    });
    if (options.json === true)
      print(options, { from, to: at, msg_id: msgId, ...(wait !== undefined && { answer: answer ?? null }) }, () => "");
    else if (answer === undefined) tell(`sent to ${at}`);
    else print(options, answer, () => messageLine(answer, (_style, text) => text));
    if (wait !== undefined && answer === undefined)
      throw new CommandFailure(exitCodes.timedOut, `${at} has not answered within ${wait} s; the message was taken`);
  });
}
