import { randomUUID } from "node:crypto";
import { keyFor } from "./agentchat-keys.js";
import { eventually, startBroker, type TestBroker } from "./broker.js";
import { ChatWire } from "./chat-wire.js";
import { networkReceiver, networkSender } from "./loss-network.js";
import { PanWire, panToken } from "./pan-wire.js";
import { PlainAgent } from "./plain-agent.js";

/** The dialects that speak and hear in the loss tables. */
export const sources = ["ZeroMQ", "PAN", "AgentChat", "Agent Network"] as const;
export type Source = (typeof sources)[number];

export type Frame = Readonly<Record<string, unknown>>;

/** A message as it was sent, with what its sender said at its login, and as it arrived. */
export interface Passed {
  readonly source: Source;
  readonly target: Source;
  readonly message: string;
  readonly sent: Frame;
  readonly heard: Frame;
}

export interface World {
  readonly messages: readonly Passed[];
  readonly close: () => Promise<void>;
}

const room = "#loss";
/** Names with the form of a key's id: whoever bears one can be proposed to, in every dialect. */
const receiverNames = {
  ZeroMQ: "a".repeat(16),
  PAN: "b".repeat(16),
  AgentChat: keyFor("receiver").id,
  "Agent Network": "d".repeat(16),
} as const;

/** A client that hears the messages of the tables. */
export interface Receiver {
  /** The first frame that has this text anywhere. */
  readonly hears: (text: string) => Promise<Frame>;
  /** Asks somebody something under this id. */
  readonly asks: (to: string, id: string) => void;
  readonly close: () => void;
}

/** A client that says them. */
export interface Sender {
  /** What it says to one agent, and to whom it says it in public; `to` is the addressee's name, or a room, or `all`. */
  readonly messages: Readonly<Record<string, (to: string, text: string) => Frame>>;
  readonly say: (frame: Frame) => void;
  readonly close: () => void;
}

/** One sender and one receiver of each dialect at a real broker, and every message of the tables on its way. */
export async function openWorld(): Promise<World> {
  const broker = await startBroker({
    limits: {
      agentchatRatePerSecond: 0,
      panRatePerSecond: 0,
      panBroadcastMs: 0,
      networkRatePerSecond: 0,
      networkBroadcastMs: 0,
      loopTurnsMax: 0,
      graceInferredMs: 300,
    },
  });
  const chat = broker.pan.replace(/pan$/, "agentchat");
  const receivers = {
    ZeroMQ: await zmqReceiver(broker),
    PAN: await panReceiver(broker),
    AgentChat: await chatReceiver(chat),
    "Agent Network": await networkReceiver(broker, receiverNames["Agent Network"], room),
  };
  const senders = {
    ZeroMQ: await zmqSender(broker),
    PAN: await panSender(broker),
    AgentChat: await chatSender(chat),
    "Agent Network": await networkSender(broker),
  };
  const messages: Passed[] = [];
  for (const source of sources) {
    const { messages: kinds, say } = senders[source];
    for (const [message, make] of Object.entries(kinds)) {
      // What is said in public is said once, and heard by all.
      const isPublic = message === "room" || message === "all";
      for (const one of isPublic ? ["everybody"] : sources) {
        const text = `${message} from ${source} to ${one}`;
        const to = message === "room" ? room : message === "all" ? "all" : receiverNames[one as Source];
        const sent = make(to, text);
        say(sent);
        for (const target of isPublic ? sources : [one as Source])
          messages.push({ source, target, message, sent, heard: await receivers[target].hears(text) });
      }
    }
  }
  messages.push(...(await brokersWords(broker, receivers)));
  return {
    messages,
    close: async () => {
      for (const { close } of [...Object.values(receivers), ...Object.values(senders)]) close();
      await broker.stop();
    },
  };
}

/**
 * What the broker itself says, as ZeroMQ agents hear it and as the others do: a fault, a receipt, `room.joined`,
 * `room.invited`.
 */
async function brokersWords(at: TestBroker, receivers: Readonly<Record<Source, Receiver>>): Promise<readonly Passed[]> {
  const heardBy = async (message: string, text: string, told = text): Promise<readonly Passed[]> => {
    const sent = await receivers.ZeroMQ.hears(text);
    const toldTo = async (target: Source): Promise<Passed> => ({
      source: "ZeroMQ",
      target,
      message,
      sent,
      heard: await receivers[target].hears(told),
    });
    return [await toldTo("PAN"), await toldTo("AgentChat"), await toldTo("Agent Network")];
  };
  const late = await PanWire.login(at.pan, "late-one", panToken(at.dataDir), "Late of the tables");
  late.say({ type: "join", room });
  const joined = await heardBy("of room.joined", `late-one joined ${room}`, "late-one");
  const host = await new PlainAgent("host", at).meet();
  await host.asks("room.join", { room });
  for (const agent of Object.values(receiverNames)) await host.asks("room.invite", { room, agent });
  const invited = await heardBy("of room.invited", `invites you to ${room}`);
  const away = await new PlainAgent("away-soon", at).meet();
  const before = at.broker.status().connections.zmqOut;
  away.close();
  await eventually(() => at.broker.status().connections.zmqOut < before, "the agent is gone");
  for (const { asks } of Object.values(receivers)) asks("away-soon", "asked-1");
  const fault = await heardBy("of a fault", "asked-1");
  await host.asks("mailbox.open", { mode: "take" });
  for (const { asks } of Object.values(receivers)) asks("host", "stored-1");
  const kept = new Set<string>();
  while (kept.size < sources.length) {
    const { content } = await host.asks("mailbox.take", { max: 10, wait_ms: 5_000 });
    const { messages } = content["data"] as { messages: { $broker: { delivery_id: string } }[] };
    for (const { $broker } of messages) kept.add($broker.delivery_id);
  }
  await host.asks("mailbox.refuse", { ids: [...kept], reason: "not for the tables" });
  const receipt = await heardBy("of a receipt", '"state":"refused"');
  const full = await new PlainAgent("full-box", at).meet();
  await full.asks("mailbox.open", { mode: "take", max: 1 });
  await host.send("full-box", "inform", "fills it");
  await host.settled();
  for (const { asks } of Object.values(receivers)) asks("full-box", "full-1");
  const noRoom = await heardBy("of a full mailbox", '"full-1"');
  late.close();
  full.close();
  host.close();
  return [...joined, ...invited, ...fault, ...receipt, ...noRoom];
}

async function zmqReceiver(at: TestBroker): Promise<Receiver> {
  const agent = new PlainAgent(receiverNames.ZeroMQ, at, { topics: [receiverNames.ZeroMQ, room, "$events"] });
  await agent.meet();
  return {
    hears: async (text) => (await agent.hears(({ message }) => JSON.stringify(message).includes(text))).message,
    asks: (to, id) =>
      void agent.send(to, "request", "are you there?", { message_id: id, receipt: ["stored", "settled"] }),
    close: () => {
      agent.close();
    },
  };
}

async function panReceiver(at: TestBroker): Promise<Receiver> {
  const bot = await PanWire.login(at.pan, receiverNames.PAN, panToken(at.dataDir));
  bot.say({ type: "join", room });
  await bot.settled();
  return {
    hears: (text) => bot.hears((frame) => JSON.stringify(frame).includes(text)),
    asks: (to, id) => {
      bot.say({ type: "chat", to, text: "are you there?", messageId: id, receipt: true });
    },
    close: () => {
      bot.close();
    },
  };
}

async function chatReceiver(url: string): Promise<Receiver> {
  const agent = await ChatWire.open(url);
  agent.say({ type: "IDENTIFY", name: "receiver", pubkey: keyFor("receiver").spki, echo: false });
  await agent.hears(({ type }) => type === "WELCOME");
  agent.say({ type: "JOIN", channel: room });
  await agent.hears(({ type }) => type === "JOINED");
  return {
    hears: (text) => agent.hears((frame) => JSON.stringify(frame).includes(text)),
    asks: (to, id) => {
      agent.say({ type: "MSG", to: `@${to}`, content: "are you there?", msg_id: id, receipt: true });
    },
    close: () => {
      agent.close();
    },
  };
}

async function zmqSender(at: TestBroker): Promise<Sender> {
  const agent = await new PlainAgent("zed", at).meet();
  const envelope = (to: string, content: unknown): Frame => ({
    message_id: `z-${randomUUID()}`,
    timestamp: new Date().toISOString().replace("Z", "+00:00"),
    from: "zed",
    to,
    type: "response",
    priority: "HIGH",
    content,
    in_reply_to: "q-1",
    conversation_id: "c-1",
    expires_at: new Date(Date.now() + 3_600_000).toISOString(),
    from_name: "Zed of the tables",
    hops: 3,
    wait_ms: 45_000,
    receipt: ["stored", "settled"],
    ephemeral: true,
    accepts: ["partial"],
    parent: "p-1",
    traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    tracestate: "vendor=1",
    trust: "proved",
    received_at: "2001-01-01T00:00:00.000Z",
    replay: "forged",
    $broker: { attempt: 77, delivery_id: "forged" },
    colour: "green",
  });
  return {
    messages: {
      full: (to, message) => envelope(to, { message, kind: "weather", data: { degrees: 21 }, mood: "sunny" }),
      alone: (to, message) => envelope(to, { message, data: { degrees: 22 } }),
      text: (to, message) => envelope(to, message),
      signed: (to, message) => envelope(to, { message, data: { sig: "c2ln", pubkey: "cHVi", to: `@${to}`, ts: 7 } }),
      room: (to, message) => envelope(to, { message }),
      all: (to, message) => envelope(to, { message }),
    },
    say: (frame) => void agent.pub.send([String(frame["to"]), JSON.stringify(frame)]),
    close: () => {
      agent.close();
    },
  };
}

async function panSender(at: TestBroker): Promise<Sender> {
  const name = "Pat of the tables";
  const bot = await PanWire.login(at.pan, "pat", panToken(at.dataDir), name);
  const chat = (to: string, text: string): Frame => ({
    type: "chat",
    from: "pat",
    name,
    to,
    text,
    messageId: `p-${randomUUID()}`,
    intent: "response",
    replyTo: "q-2",
    data: { degrees: 23 },
    priority: "HIGH",
    receipt: true,
    ephemeral: true,
    expiresAt: new Date(Date.now() + 3_600_000).toISOString().replace("Z", "+00:00"),
    colour: "blue",
  });
  return {
    messages: { full: chat, room: chat, all: chat },
    say: (frame) => {
      bot.say({ ...frame, name: undefined, type: "chat" });
    },
    close: () => {
      bot.close();
    },
  };
}

async function chatSender(url: string): Promise<Sender> {
  const name = "ada-of-the-tables";
  const key = keyFor("sender");
  const pubkey = key.spki;
  const agent = await ChatWire.open(url);
  agent.say({ type: "IDENTIFY", name, pubkey });
  await agent.hears(({ type }) => type === "WELCOME");
  const ts = Date.now() - 5_000;
  const targetOf = (to: string): string => (to.startsWith("#") ? to : `@${to}`);
  const msg = (to: string, content: string): Frame => ({
    type: "MSG",
    name,
    pubkey,
    from: "@somebody-else",
    to: targetOf(to),
    content,
    msg_id: `a-${randomUUID()}`,
    in_reply_to: "q-3",
    receipt: true,
    ts,
  });
  const proposal = (to: string, task: string): Frame => {
    const said = {
      to: targetOf(to),
      task,
      amount: 12.5,
      currency: "XYZ",
      payment_code: "pay-1",
      expires: 600,
      elo_stake: 3,
    };
    const { amount, currency, payment_code: code, expires, elo_stake: stake } = said;
    const text = [said.to, task, amount, currency, code, expires, stake].join("|");
    return { type: "PROPOSAL", name, pubkey, ...said, terms: "in kind", sig: key.signs(text) };
  };
  return {
    messages: {
      full: msg,
      signed: (to, content) => ({
        ...msg(to, content),
        sig: key.signs(JSON.stringify({ to: targetOf(to), content, ts })),
      }),
      room: msg,
      proposal,
    },
    say: (frame) => {
      agent.say({ ...frame, name: undefined, pubkey: undefined, type: String(frame["type"]) });
    },
    close: () => {
      agent.close();
    },
  };
}
