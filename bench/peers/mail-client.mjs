// An agent with a mailbox, on libzmq sockets: fills its box under another name, takes from it and settles.
import { Publisher, Subscriber } from "zeromq";
import { ahead } from "./durable.mjs";

/** Deliveries that are taken, and settled, at a time. */
const batch = 1_000;

/** A name at a broker: what it says, and what is said to it. */
class Name {
  #sub = new Subscriber({ linger: 0, receiveHighWaterMark: 0 });
  #pub = new Publisher({ linger: 0, sendHighWaterMark: 0 });
  #asked = new Map();
  #ids = 0;

  constructor(peer, name, heard = () => undefined) {
    this.name = name;
    this.#sub.connect(`tcp://${peer.out}`);
    this.#sub.subscribe(name);
    this.#pub.connect(`tcp://${peer.in}`);
    void this.#read(heard);
  }

  /** Resolves when both sockets work. */
  async ready() {
    while ((await Promise.race([this.ask("ping"), new Promise((done) => setTimeout(done, 100))])) === undefined);
    return this;
  }

  say(to, type, content, more) {
    this.#ids += 1;
    const message = {
      message_id: `${this.name}-${this.#ids}`,
      timestamp: "2026-01-01T00:00:00.000Z",
      from: this.name,
      to,
      type,
      priority: "NORMAL",
      content,
      ...more,
    };
    return this.#pub.send([to, JSON.stringify(message)]);
  }

  /** Asks the broker. @returns `content.data` of its answer */
  ask(kind, data) {
    const id = `${this.name}-${this.#ids + 1}`;
    const answer = new Promise((resolve, reject) => this.#asked.set(id, { resolve, reject }));
    void this.say("$broker", "request", { message: kind, kind, ...(data && { data }) });
    return answer;
  }

  close() {
    this.#sub.close();
    this.#pub.close();
  }

  async #read(heard) {
    for await (const [, payload] of this.#sub) {
      const message = JSON.parse(payload);
      const asked = this.#asked.get(message.in_reply_to);
      this.#asked.delete(message.in_reply_to);
      if (asked === undefined) heard(message.content);
      else if (message.type === "response") asked.resolve(message.content.data ?? {});
      else asked.reject(new Error(message.content.message));
    }
  }
}

/** Opens the box of `owner`. */
export async function openBox(peer, owner, settings) {
  const name = await new Name(peer, owner).ready();
  await name.ask("mailbox.open", { mode: "take", max: 1_000_000, max_bytes: 2 ** 30, ...settings });
  return name;
}

/** Fills the box of `owner` with messages of so many bytes; resolves when the broker has said `stored` of all. */
export async function fillBox(peer, owner, messages, bytes) {
  let stored = 0;
  let wake = () => undefined;
  const sender = await new Name(peer, `sender-of-${owner}`, ({ kind, data, message }) => {
    if (kind === "receipt") stored += data.ids.length;
    else throw new Error(message);
    wake();
  }).ready();
  const content = { message: "x".repeat(bytes - 190) };
  const more = { receipt: ["stored"] };
  for (let said = 0; said < messages; said += 1) {
    await sender.say(owner, "inform", content, more);
    while (said - stored > ahead) await new Promise((resolve) => (wake = resolve));
  }
  while (stored < messages) await new Promise((resolve) => (wake = resolve));
  sender.close();
}

/** Takes all and settles it, a thousand at a time. */
export async function emptyBox(name, messages) {
  let settling = Promise.resolve();
  for (let taken = 0; taken < messages;) {
    const { messages: some } = await name.ask("mailbox.take", { max: batch, wait_ms: 1_000 });
    taken += some.length;
    await settling;
    settling = name.ask("mailbox.done", { ids: some.map((message) => message.$broker.delivery_id) });
  }
  await settling;
}
