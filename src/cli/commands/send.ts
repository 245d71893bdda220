import { InvalidArgumentError, Option, type Command } from "commander";
import { randomUUID } from "node:crypto";
import { faultOf, isFaultNotice } from "../../../clients/typescript/agent/incoming.js";
import type { Agent, Request } from "../../../clients/typescript/agent/index.js";
import { agentNameProblem, asFault, everyone, Fault, type Envelope, type MessageType } from "../../core/index.js";
import { operatorName } from "../../identity/index.js";
import { absent, mustBeThere } from "../absent.js";
import { spanText } from "../columns.js";
import { deliveryOf, deliveryText } from "../deliveries.js";
import { askBroker, connectOperator, findBroker, type BrokerChoice } from "../operator.js";
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
  readonly receipt?: true;
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
      new Option(
        "--type <type>",
        "the type of the message, a request waits for its answer; default: request with --wait, else inform",
      ).choices(["request", "response", "inform"]),
    )
    .option("--wait [seconds]", "wait for the response, 30 s by default", seconds)
    .option("--reply-to <id>", "the message_id that a response answers")
    .option("--room", "TO is a room: # is put before it")
    .option("--receipt", "say where it is when the mailbox of TO has it on disk; prints it with --json")
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
  const isToMany = to.startsWith("#") || to === everyone;
  if (type === "request") {
    if (isToMany) throw new Fault("malformed", "a room does not answer; send an inform, or a request to one agent");
    if (options.receipt === true)
      throw new Fault("malformed", "a request says by itself what a mailbox has: leave --receipt out");
    const answer = await ask(speaker, to, text, options);
    print(options, answer, () => answer.content.message);
    return;
  }
  if (options.wait !== undefined)
    throw new Fault("malformed", `nothing answers to type ${type}; leave --wait or --type out`);
  if (options.receipt === true && (isToMany || type === "response"))
    throw new Fault("malformed", "--receipt is for an inform to one agent: leave it out");
  if (isToMany) await mustBeThere(speaker, to);
  await tell(speaker, to, text, type, options);
}

/** A request; who is away has it in its mailbox meanwhile. @throws Fault timeout, not-found and what the asked answers */
async function ask(speaker: Agent, to: string, text: string, { wait }: Options): Promise<Envelope> {
  const timeoutMs = typeof wait === "number" ? wait * 1_000 : 30_000;
  const messageId = randomUUID();
  const answer = speaker.request(to, text, { timeoutMs, messageId });
  const over = new AbortController();
  const stored = deliveryOf(speaker, to, messageId).then(
    (delivery) => {
      if (delivery !== undefined && !delivery.here && !over.signal.aborted)
        say(`${deliveryText(delivery, Date.now())}; waiting ${spanText(timeoutMs)} for the answer`);
    },
    () => undefined, // the request itself tells what is wrong
  );
  try {
    return await answer;
  } catch (thrown) {
    const { code } = asFault(thrown);
    if (code === "not-found") throw await absent(speaker, to);
    const left = code === "timeout" ? await deliveryOf(speaker, to, messageId).catch(() => undefined) : undefined;
    if (left === undefined) throw thrown;
    const text = deliveryText(left, Date.now());
    throw new Fault("timeout", `${to} did not answer within ${spanText(timeoutMs)}; the request is ${text}`);
  } finally {
    over.abort();
    await stored;
  }
}

/**
 * An inform or a response. The broker only counts one that reaches nobody, but a person wants to know.
 * @throws Fault not-found, full, unavailable
 */
async function tell(
  speaker: Agent,
  to: string,
  text: string,
  type: "response" | "inform",
  options: Options,
): Promise<void> {
  if (type === "response") {
    await mustBeReached(speaker, to);
    await speaker.respond({ ...answered(to, options.replyTo) }, text);
    say(`sent to ${to}`);
    return;
  }
  const messageId = randomUUID();
  const refusals: Fault[] = [];
  speaker.onInform((inform) => {
    if (inform.in_reply_to === messageId && isFaultNotice(inform)) refusals.push(faultOf(inform));
  });
  await speaker.inform(to, text, { messageId, ...(options.receipt === true && { receipt: ["stored"] }) });
  // Asked behind the message, on the same line: what is refused has been told by then.
  const delivery = to.startsWith("#") || to === everyone ? undefined : await deliveryOf(speaker, to, messageId);
  const [refusal] = refusals;
  if (refusal !== undefined) throw refusal;
  if (delivery === undefined) await (options.receipt === true ? mustTell(speaker, to) : mustBeThere(speaker, to));
  if (options.receipt === true && delivery !== undefined)
    print(options, delivery, () => deliveryText(delivery, Date.now()));
  else if (options.receipt === true) say(`sent to ${to}, who has no mailbox, so nobody tells whether it was read`);
  else say(delivery === undefined || delivery.here ? `sent to ${to}` : deliveryText(delivery, Date.now()));
}

/** Somebody who has no mailbox must be here: else the message is lost. @throws Fault not-found, which names the mailbox */
async function mustTell(speaker: Agent, to: string): Promise<void> {
  try {
    await mustBeThere(speaker, to);
  } catch (thrown) {
    const { code, message } = asFault(thrown);
    if (code !== "not-found" || agentNameProblem(to) !== undefined) throw thrown;
    throw new Fault(code, `${message}; nor has it a mailbox that keeps messages for it: broker mailbox open ${to}`);
  }
}

/** It is here, or has a mailbox. @throws Fault not-found */
async function mustBeReached(speaker: Agent, to: string): Promise<void> {
  try {
    await mustBeThere(speaker, to);
  } catch (thrown) {
    const box = await askBroker(speaker, "mailbox.status", { agent: to }).catch(() => undefined);
    if (box === undefined) throw thrown;
  }
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
