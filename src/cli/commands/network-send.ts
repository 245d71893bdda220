import { InvalidArgumentError, Option, type Command } from "commander";
import { conversationId } from "../../../bridges/agent-network/conversation-id.js";
import { Fault } from "../../core/index.js";
import type { NetworkConnection } from "../network/connection.js";
import {
  contentOf,
  errorFault,
  isAnswer,
  spokenTypes,
  systemId,
  textOf,
  type NetworkFrame,
  type SpokenType,
} from "../network/content.js";
import { asAgent, withPlace, type Place } from "../network/place.js";
import { print, say, type Output } from "../output.js";
import { readText } from "../text-source.js";

interface Options extends Place, Output {
  readonly type?: SpokenType;
  readonly content?: string;
  readonly replyTo?: string;
  readonly conversation?: string;
  /** Seconds; true: `usualWaitMs`. */
  readonly wait?: true | number;
}

const usualWaitMs = 30_000;

/** How long the broker may take to say that a message is routed, milliseconds. */
const ackMs = 10_000;

/** `broker network send FROM TO TEXT`: says one message; with `--wait` it prints the answer. */
export function networkSendCommand(network: Command): void {
  withPlace(network.command("send"))
    .argument("<from>", "the agent that speaks")
    .argument("<to>", "an agent, #room, all, or system: the broker, which TEXT asks by a kind (agents.list)")
    .argument("[text]", "what to say; - reads it from standard input; behind -- it may begin with -")
    .description("say one plain message and wait until it is routed; --wait prints the answer")
    .addOption(
      new Option("--type <type>", "the type of the message (default: INFORM, QUERY with --wait)").choices(spokenTypes),
    )
    .option("--content <json>", "the whole content, a JSON object, instead of TEXT")
    .option("--reply-to <id>", "the requestId or proposalId that a RESPONSE, CONFIRMATION or REJECTION answers")
    .option("--conversation <id>", "the conversationId (default: that of the two)")
    .option("--wait [seconds]", "wait for the answer to a QUERY or PROPOSAL, 30 s by default", seconds)
    .action(async (from: string, to: string, typed: string | undefined, _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const said = await saidOf(typed, options);
      const type = options.type ?? (options.wait === undefined && to !== systemId ? "INFORM" : "QUERY");
      if (options.wait !== undefined && type !== "QUERY" && type !== "PROPOSAL")
        throw new Fault("malformed", `nothing answers to type ${type}; leave --wait or --type out`);
      // A person who asks the broker types the kind of the question.
      const isKind = to === systemId && type === "QUERY" && "text" in said;
      const asks = isKind ? { json: JSON.stringify({ queryType: said.text }) } : said;
      const content = contentOf(type, asks, options.replyTo);
      const answers = new Answers();
      await asAgent(from, options, answers.take.bind(answers), async (connection) => {
        const asked = connection.say({
          to,
          type,
          content,
          conversationId: options.conversation ?? (isForMany(to) ? conversationId(to) : conversationId(from, to)),
          requiresResponse: type === "QUERY" || type === "PROPOSAL",
        });
        await settled(connection, asked, answers, options);
      });
    });
}

/** A room, or everybody: its conversation is that of the name alone (Agent Network §4.4). */
function isForMany(to: string): boolean {
  return to.startsWith("#") || to === "all";
}

/** Waits until it is routed, and for the answer if that is wanted; prints. @throws Fault timeout, and each refusal */
async function settled(
  connection: NetworkConnection,
  asked: NetworkFrame,
  answers: Answers,
  options: Options,
): Promise<void> {
  const { recipientId: to } = asked;
  answers.expect(asked);
  const waitMs = typeof options.wait === "number" ? options.wait * 1_000 : usualWaitMs;
  // The broker answers what it is asked, and acknowledges only what it hands on.
  if (to !== systemId)
    await connection.within(
      ackMs,
      answers.routed,
      `the broker has not said within ${ackMs / 1_000} s that it is routed`,
    );
  if (options.wait === undefined && to !== systemId) {
    print(options, asked, () => "");
    say(`sent to ${to}`);
    return;
  }
  const answer = await connection.within(waitMs, answers.answer, `${to} has not answered within ${waitMs / 1_000} s`);
  print(options, answer, () => textOf(answer));
  if (answer.messageType === "RESPONSE" && (answer.content["error"] ?? null) !== null)
    throw new Fault("forbidden", `${to} answers with an error`);
}

/** What comes back to one message. */
class Answers {
  /** Resolves with ACK. Rejects, as `answer` does, when an ERROR is about the message. */
  readonly routed: Promise<NetworkFrame>;
  readonly answer: Promise<NetworkFrame>;
  #asked: NetworkFrame | undefined;
  #route: (frame: NetworkFrame) => void = () => undefined;
  #settle: (frame: NetworkFrame) => void = () => undefined;
  readonly #refuse: ((fault: Fault) => void)[] = [];

  constructor() {
    const hear = (keep: (resolve: (frame: NetworkFrame) => void) => void): Promise<NetworkFrame> => {
      const heard = new Promise<NetworkFrame>((resolve, reject) => {
        keep(resolve);
        this.#refuse.push(reject);
      });
      heard.catch(() => undefined); // whoever waits for it hears of it
      return heard;
    };
    this.routed = hear((resolve) => (this.#route = resolve));
    this.answer = hear((resolve) => (this.#settle = resolve));
  }

  /** In the turn in which it was said. */
  expect(asked: NetworkFrame): void {
    this.#asked = asked;
  }

  take(frame: NetworkFrame): void {
    const asked = this.#asked;
    if (asked === undefined) return;
    const { senderId, messageType, content } = frame;
    if (isAnswer(asked, frame)) this.#settle(frame);
    else if (senderId !== systemId) return;
    else if (messageType === "ACK" && content["messageId"] === asked.messageId) this.#route(frame);
    else if (messageType === "ERROR" && isAbout(content["details"], asked)) {
      const fault = errorFault(frame);
      for (const refuse of this.#refuse) refuse(fault);
    }
  }
}

function isAbout(details: unknown, { messageId }: NetworkFrame): boolean {
  return typeof details === "object" && details !== null && Reflect.get(details, "originalMessageId") === messageId;
}

async function saidOf(
  typed: string | undefined,
  { content, token }: Options,
): Promise<{ readonly text: string } | { readonly json: string }> {
  if (content !== undefined) {
    if (typed === undefined) return { json: content };
    throw new Fault("malformed", "what is said is TEXT, or it is --content: leave one of them out");
  }
  if (typed === undefined) throw new Fault("malformed", "say what: TEXT, or --content with a JSON object");
  if (typed === "-" && token === "-")
    throw new Fault("malformed", "standard input has the text or the token (--token -), not both");
  const text = typed === "-" ? await readText(undefined) : typed;
  if (text === "") throw new Fault("malformed", "there is nothing to say: TEXT is empty");
  return { text };
}

function seconds(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 86_400)) throw new InvalidArgumentError("give the seconds to wait, more than 0");
  return value;
}
