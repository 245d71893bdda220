import { PlainAgent, type WireMessage } from "../../test/kit/plain-agent.js";
import type { MailTally } from "./mail-tally.js";

/** A message as `mailbox.take` gives it. */
interface Taken {
  readonly delivery: string;
  readonly text: string;
}

/** What `mailbox.peek` tells. */
interface Peeked {
  readonly messages: readonly { readonly state: string; readonly message: WireMessage }[];
  readonly next: unknown;
}

/** Messages that it looks at together. */
const pageMax = 200;
/** More than a box has of them; what comes meanwhile is not looked at. */
const pagesMax = 20;

/** Shorter than most lives of a broker that is killed again and again, longer than a take waits. */
const answerMs = 600;
const faultMs = 250;

/**
 * A ZeroMQ agent in take mode that knows the messages it has handled by their ids. When an answer does not come it asks
 * which of its leases it was never told of, and gives these back.
 */
export class MailTaker {
  readonly name: string;
  /** Deliveries of messages that it had handled already. */
  again = 0;
  /** Leases that it was not told of, and gave back. */
  givenBack = 0;
  /** Faults that it was told instead of an answer. */
  faults = 0;
  /** Messages that came again after the broker had confirmed that they are done. */
  readonly undone: string[] = [];
  readonly #agent: PlainAgent;
  readonly #tally: MailTally;
  // bound: messages of a test · evicts: nothing · owner: MailTaker
  readonly #handled = new Set<string>();
  // bound: messages of a test · evicts: nothing · owner: MailTaker
  readonly #confirmed = new Set<string>();
  #phase: "runs" | "ended" = "runs";
  /** An answer may have been lost, and leases with it. */
  #doubts = false;
  #ended: Promise<void> | undefined;

  constructor(agent: PlainAgent, tally: MailTally) {
    this.name = agent.name;
    this.#agent = agent;
    this.#tally = tally;
  }

  static async start(name: string, doors: { zmqIn: string; zmqOut: string }, tally: MailTally): Promise<MailTaker> {
    const agent = await new PlainAgent(name, doors, { declare: true }).meet();
    await agent.asks("mailbox.open", { mode: "take" });
    const taker = new MailTaker(agent, tally);
    taker.#ended = taker.#run();
    return taker;
  }

  /** Resolves when what it asked last is answered, or given up. */
  async close(): Promise<void> {
    this.#phase = "ended";
    await this.#ended;
    this.#agent.close();
  }

  async #run(): Promise<void> {
    while (this.#phase === "runs") {
      const answer = await this.#ask("mailbox.take", { max: 20, wait_ms: 200, lease_ms: 60_000 });
      if (answer === undefined) this.#doubts = true;
      else await this.#handle(answer);
      if (this.#doubts) await this.#giveBack();
    }
  }

  async #handle(answer: WireMessage): Promise<void> {
    const taken = takenOf(answer);
    if (taken.length === 0) return;
    for (const { text } of taken) {
      if (this.#confirmed.has(text)) this.undone.push(text);
      if (this.#handled.has(text)) this.again += 1;
      else this.#tally.hears(this.name, text, 0);
      this.#handled.add(text);
    }
    const ids = taken.map(({ delivery }) => delivery);
    while (this.#phase === "runs" && (await this.#ask("mailbox.done", { ids })) === undefined);
    for (const { text } of taken) this.#confirmed.add(text);
  }

  /** Looks at the whole of its box. */
  async #giveBack(): Promise<void> {
    let after: unknown;
    for (let page = 0; page < pagesMax; page += 1) {
      const answer = await this.#ask("mailbox.peek", { max: pageMax, ...(after !== undefined && { after }) });
      if (answer === undefined) return;
      const { messages, next } = answer.content["data"] as Peeked;
      const ids = messages.filter(({ state }) => state === "leased").map(({ message }) => deliveryOf(message));
      if (ids.length > 0 && (await this.#ask("mailbox.release", { ids })) === undefined) return;
      this.givenBack += ids.length;
      if (messages.length === 0) break;
      after = next;
    }
    this.#doubts = false;
  }

  /** Undefined if there is no answer. What is late and no answer to this holds leases: it is handled, too. */
  async #ask(kind: string, data: Record<string, unknown>): Promise<WireMessage | undefined> {
    for (const { message } of this.#agent.heard.splice(0))
      if (message.content["kind"] === "mailbox.take") await this.#handle(message);
    const asked = await this.#agent.send("$broker", "request", kind, { content: { message: kind, kind, data } });
    const heard = this.#agent.hears(({ message }) => message.in_reply_to === asked.message_id, answerMs);
    const answer = await heard.catch(() => undefined);
    if (answer === undefined || answer.message.content["kind"] === kind) return answer?.message;
    // It asks too fast, or the disk has failed: a reason to wait.
    this.faults += 1;
    await new Promise((resolve) => setTimeout(resolve, faultMs));
    return undefined;
  }
}

function takenOf({ content }: WireMessage): readonly Taken[] {
  const { messages } = content["data"] as { readonly messages: readonly WireMessage[] };
  return messages.map((message) => ({ delivery: deliveryOf(message), text: message.content.message }));
}

function deliveryOf(message: WireMessage): string {
  return (message["$broker"] as { readonly delivery_id: string }).delivery_id;
}
