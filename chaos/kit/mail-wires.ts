import type { TestKey } from "../../test/kit/agentchat-keys.js";
import type { ChatFrame, ChatWire } from "../../test/kit/chat-wire.js";
import { PanWire, type PanFrame } from "../../test/kit/pan-wire.js";
import type { MailTally } from "./mail-tally.js";
import { enterProved } from "./proved-chat.js";

/** What a {@link MailWire} does in its dialect. */
interface Speech {
  readonly name: string;
  /** Logs in with a mailbox, and tells whatever is heard from then on. */
  readonly enter: (
    wire: MailWire,
  ) => Promise<{ readonly say: (text: string) => void; readonly socket: PanWire["socket"] }>;
}

/** What a client may have said and not been told of, so that its share of a mailbox is never used up. */
const openMax = 60;

/**
 * A WebSocket client with a mailbox, which comes back by itself and says again, in order and under its ids, of what it
 * was not told that it is stored.
 */
export class MailWire {
  readonly name: string;
  connections = 0;
  /** Errors that it was told. */
  readonly problems: string[] = [];
  readonly #tally: MailTally;
  readonly #speech: Speech;
  // bound: openMax · evicts: with its receipt · owner: MailWire
  readonly #open = new Set<string>();
  #say: ((text: string) => void) | undefined;
  #socket: PanWire["socket"] | undefined;
  #phase: "runs" | "ended" = "runs";

  constructor(speech: Speech, tally: MailTally) {
    this.name = speech.name;
    this.#speech = speech;
    this.#tally = tally;
    void this.#run();
  }

  /** A PAN bot with a token of its own. */
  static pan(broker: { readonly pan: string }, name: string, token: string, tally: MailTally): MailWire {
    return new MailWire({ name, enter: (wire) => enterPan(broker.pan, token, wire) }, tally);
  }

  /** An AgentChat client with a key. */
  static chat(broker: { readonly agentchat: string }, key: TestKey, tally: MailTally): MailWire {
    return new MailWire({ name: key.id, enter: (wire) => enterChat(broker.agentchat, key, wire) }, tally);
  }

  /** What it said and was not told of. */
  get open(): readonly string[] {
    return [...this.#open];
  }

  /** True between a login and the end of its connection. */
  get isIn(): boolean {
    return this.#say !== undefined;
  }

  /** Says the next text to `to`, unless too much of it is open. */
  says(to: string): void {
    if (this.#open.size >= openMax) return;
    const text = this.#tally.says(this.name, to);
    this.#open.add(text);
    this.#say?.(text);
  }

  /** A message for it has come. */
  hears(text: string): void {
    this.#tally.hears(this.name, text, this.connections);
  }

  /** A receipt has come. */
  told(ids: readonly unknown[], state: string): void {
    this.#tally.told(ids, state);
    for (const id of ids) this.#open.delete(String(id));
  }

  /** It was told why something is not stored: that is no promise, and it does not say it again. */
  refused(id: unknown, why: string): void {
    this.problems.push(why);
    if (this.#open.delete(String(id))) this.#tally.refused.add(String(id));
  }

  close(): void {
    this.#phase = "ended";
    this.#socket?.terminate();
  }

  async #run(): Promise<void> {
    while (this.#phase === "runs") {
      try {
        this.connections += 1;
        const { say, socket } = await this.#speech.enter(this);
        this.#socket = socket;
        const closed = new Promise((resolve) => socket.once("close", resolve));
        for (const text of this.#open) say(text);
        this.#say = say;
        if (socket.readyState === socket.OPEN) await closed;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 20)); // the broker is not there
      }
      this.#say = undefined;
    }
  }
}

const loginMs = 3_000;

async function enterPan(url: string, token: string, client: MailWire): ReturnType<Speech["enter"]> {
  const wire = await PanWire.open(url);
  wire.socket.on("message", (data: Buffer) => {
    const frame = JSON.parse(data.toString()) as PanFrame;
    if (frame.type === "error") client.refused(frame["messageId"], String(frame["message"]));
    if (frame.type === "chat") client.hears(String(frame["text"]));
    if (frame["status"] === "delivery") client.told(frame["messageIds"] as readonly unknown[], String(frame["state"]));
  });
  wire.say({ type: "auth", agentId: client.name, token, mailbox: true });
  await wire.hears((frame) => frame.type === "answer" && frame["kind"] === "mailbox.open", loginMs);
  const say = (text: string): void => {
    wire.say({ type: "chat", to: text.split(".")[1], text, intent: "inform", messageId: text, receipt: true });
  };
  return { say, socket: wire.socket };
}

async function enterChat(url: string, key: TestKey, client: MailWire): ReturnType<Speech["enter"]> {
  const wire: ChatWire = await enterProved(url, key, (frame: ChatFrame) => {
    if (frame.type === "ERROR") client.refused(frame["ref"], String(frame["message"]));
    if (frame.type === "MSG" && frame["from"] !== `@${key.id}`) client.hears(String(frame["content"]));
    if (frame.type === "DELIVERY") client.told(frame["msg_ids"] as readonly unknown[], String(frame["state"]));
  });
  const say = (text: string): void => {
    wire.say({ type: "MSG", to: `@${String(text.split(".")[1])}`, content: text, msg_id: text, receipt: true });
  };
  return { say, socket: wire.socket };
}
