// Four owners of mailboxes in a process of their own, to be killed: a PAN bot, an AgentChat client and a ZeroMQ agent in
// push mode, a ZeroMQ agent in take mode. `mail-owners.mjs JOURNAL LIFE SETTINGS`: each notes what it has handled, as
// `OWNER LIFE TEXT`, in its journal before it says so to the broker; the taker knows from it what it handled in earlier
// lives. Prints `ready` when all four hear.
import { createPrivateKey, sign } from "node:crypto";
import { appendFileSync, readFileSync } from "node:fs";
import { WebSocket } from "ws";
import { Publisher, Subscriber } from "zeromq";

const [journal, life, settings] = process.argv.slice(2);
const { zmqIn, zmqOut, pan, agentchat, token, chat } = JSON.parse(settings);
const note = (owner, text) => appendFileSync(journal, `${owner} ${life} ${text}\n`);

/** A WebSocket that speaks JSON; resolves when `hear` has said that it is in. */
function enter(url, hello, hear) {
  const socket = new WebSocket(url);
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.once("open", () => socket.send(JSON.stringify(hello)));
    socket.on("message", (data) => {
      for (const line of data.toString().split("\n")) if (hear(JSON.parse(line), socket) === "in") resolve();
    });
  });
}

const bot = enter(pan, { type: "auth", agentId: "bot", token, mailbox: true }, ({ type, text, kind }) => {
  if (type === "chat") note("bot", text);
  return kind === "mailbox.open" ? "in" : undefined;
});
const key = createPrivateKey(chat.key);
const talker = enter(
  agentchat,
  { type: "IDENTIFY", name: "talker", pubkey: chat.spki, mailbox: true },
  ({ type, content, nonce, challenge_id: id }, socket) => {
    if (type === "MSG") note(chat.id, content);
    if (type === "CHALLENGE") {
      const timestamp = Date.now();
      const signature = sign(null, Buffer.from(`AGENTCHAT_AUTH|${nonce}|${id}|${timestamp}`), key).toString("base64");
      socket.send(JSON.stringify({ type: "VERIFY_IDENTITY", challenge_id: id, timestamp, signature }));
    }
    return type === "VERIFY_SUCCESS" ? "in" : undefined;
  },
);

class Declaring extends Subscriber {
  declare(agent) {
    this.setStringOption(95, `X-Agent:${agent}`);
  }
}
/** A plain ZeroMQ agent that asks the broker; what is no answer is told to `heard`. */
class Plain {
  #asked = 0;
  /** Answers that somebody waits for, by the id of the question. */
  #answers = new Map();
  constructor(name, heard) {
    this.name = name;
    this.sub = new Declaring({ linger: 0 });
    this.sub.declare(name);
    this.sub.connect(zmqOut);
    this.sub.subscribe(name);
    this.pub = new Publisher({ linger: 0 });
    this.pub.connect(zmqIn);
    void this.#hear(heard);
  }
  ask(kind, data, withinMs = 1_500) {
    const id = `${this.name}-${life}-${(this.#asked += 1)}`;
    const question = { message_id: id, timestamp: new Date().toISOString(), from: this.name, to: "$broker" };
    const content = { message: kind, kind, data };
    void this.pub.send(["$broker", JSON.stringify({ ...question, type: "request", priority: "NORMAL", content })]);
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, withinMs);
      this.#answers.set(id, (answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
    });
  }
  async open(mode) {
    while ((await this.ask("mailbox.open", { mode }, 100))?.kind !== "mailbox.open");
  }
  async #hear(heard) {
    for await (const [, payload] of this.sub) {
      const { in_reply_to: id, content } = JSON.parse(payload);
      const answered = this.#answers.get(id);
      this.#answers.delete(id);
      if (answered !== undefined) answered(content);
      else heard(content);
    }
  }
}
const js = new Plain("js", ({ kind, message }) => {
  if (kind === undefined) note("js", message);
});
const taker = new Plain("taker", ({ kind, data }) => {
  if (kind === "mailbox.take") void handle(data.messages); // asked in an earlier life
});
const ask = (kind, data) => taker.ask(kind, data);
const handled = new Set(
  readFileSync(journal, "utf8")
    .split("\n")
    .map((line) => line.replace(/^taker \S+ /, "")),
);
async function handle(messages) {
  for (const { content } of messages) {
    if (!handled.has(content.message)) note("taker", content.message);
    handled.add(content.message);
  }
  const ids = messages.map(({ $broker }) => $broker.delivery_id);
  if (ids.length > 0) await ask("mailbox.done", { ids });
}
async function giveBack() {
  const { messages = [] } = (await ask("mailbox.peek", { max: 1_000 }))?.data ?? {};
  const ids = messages.filter(({ state }) => state === "leased").map(({ message }) => message.$broker.delivery_id);
  if (ids.length > 0) await ask("mailbox.release", { ids });
}
await Promise.all([taker.open("take"), js.open("push"), bot, talker]);
await giveBack();
console.log("ready");
for (;;) {
  const messages = (await ask("mailbox.take", { max: 10, wait_ms: 200, lease_ms: 60_000 }))?.data?.messages ?? [];
  if (messages.length > 0) await handle(messages);
  else await giveBack();
}
