import { InvalidArgumentError, Option, type Command } from "commander";
import type { Agent, Request } from "../../../clients/typescript/agent/index.js";
import { asFault, Fault, type MessageType } from "../../core/index.js";
import { operatorName } from "../../identity/index.js";
import { absent, mustBeThere } from "../absent.js";
import { connectOperator, findBroker, type BrokerChoice } from "../operator.js";
import { exitCodes } from "../exit.js";
import { print, say, type Output } from "../output.js";
import { topicRule } from "../tap-filter.js";
import { readText } from "../text-source.js";

interface Options extends BrokerChoice, Output {
  readonly from: string;
  readonly type?: MessageType;
  readonly wait?: true | number;
  readonly room?: boolean;
  readonly replyTo?: string;
  readonly file?: string;
}

/** `broker send TO TEXT`: sends one message; with `--wait` it prints the answer. */
export function sendCommand(program: Command): void {
  program
    .command("send")
    .argument("<to>", "an agent, #room or all")
    .argument("[text]", "what to say; - reads it from standard input; behind -- it may begin with -")
    .description("send one message; --wait prints the answer")
    .addOption(new Option("--from <name>", "send as this agent (a name that no token protects)").default(operatorName))
    .addOption(
      new Option("--type <type>", "the type of the message; default: request with --wait, else inform").choices([
        "request",
        "response",
        "inform",
      ]),
    )
    .option("--wait [seconds]", "wait for the response, 30 s by default", seconds)
    .option("--reply-to <id>", "the message_id that a response answers")
    .option("--room", "TO is a room: # is put before it")
    .option("--file <file>", "the text is in this file, in UTF-8")
    .action(async (to: string, typed: string | undefined, _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      if (typed === undefined && options.file === undefined)
        command.error("error: missing required argument 'text'", { exitCode: exitCodes.usage });
      if (typed !== undefined && options.file !== undefined)
        throw new Fault("malformed", "the text is in --file, or it is TEXT: leave one of them out");
      const topic = options.room === true && !to.startsWith("#") ? `#${to}` : to;
      const rule = topicRule(topic);
      if (rule !== undefined) throw new Fault("malformed", `nothing can be sent to ${JSON.stringify(topic)}: ${rule}`);
      const text = typed === undefined || typed === "-" ? await readText(options.file) : typed;
      // Mostly because a variable of a script is not set.
      if (text === "") throw new Fault("malformed", "there is nothing to say: TEXT is empty");
      const speaker =
        options.from === operatorName ? await connectOperator(options) : await connectAs(options.from, options);
      try {
        await send(speaker, topic, text, options);
      } finally {
        await speaker.close();
      }
    });
}

/** Connects without a token, beside the agent itself if it is here; only for a name that no token protects. */
async function connectAs(name: string, choice: BrokerChoice): Promise<Agent> {
  const { in: zmqIn, out } = findBroker(choice);
  const { Agent } = await import("../../../clients/typescript/agent/index.js");
  return Agent.connect({ name, in: zmqIn, out, exclusive: false });
}

async function send(speaker: Agent, to: string, text: string, options: Options): Promise<void> {
  const type = options.type ?? (options.wait === undefined ? "inform" : "request");
  if (type === "request") {
    if (to.startsWith("#") || to === "all")
      throw new Fault("malformed", "a room does not answer; send an inform, or a request to one agent");
    const timeoutMs = typeof options.wait === "number" ? options.wait * 1_000 : 30_000;
    const answer = await speaker.request(to, text, { timeoutMs }).catch(async (thrown: unknown) => {
      throw asFault(thrown).code === "not-found" ? await absent(speaker, to) : thrown;
    });
    print(options, answer, () => answer.content.message);
    return;
  }
  if (options.wait !== undefined)
    throw new Fault("malformed", `nothing answers to type ${type}; leave --wait or --type out`);
  await mustBeThere(speaker, to);
  if (type === "response") await speaker.respond({ ...answered(to, options.replyTo) }, text);
  else await speaker.inform(to, text);
  say(`sent to ${to}`);
}

/** The request that a response answers. */
function answered(to: string, replyTo: string | undefined): Request {
  if (replyTo === undefined) throw new Fault("malformed", "a response names what it answers: --reply-to MESSAGE_ID");
  return {
    message_id: replyTo,
    timestamp: "",
    from: to,
    to: "",
    type: "request",
    priority: "NORMAL",
    content: { message: "" },
  };
}

function seconds(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 86_400)) throw new InvalidArgumentError("give the seconds to wait, more than 0");
  return value;
}
