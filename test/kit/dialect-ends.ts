import { ChatWire, type ChatFrame } from "./chat-wire.js";
import type { TestBroker } from "./broker.js";
import { NetworkAgent } from "./network-agent.js";
import type { NetworkFrame } from "./network-wire.js";
import { PanWire, type PanFrame } from "./pan-wire.js";
import { PlainAgent, type Heard as WireHeard } from "./plain-agent.js";
import { issueToken } from "./tokens.js";

/** A message as an end has heard it, in words that all dialects share. */
export interface Heard {
  readonly from: string;
  readonly to: string;
  readonly text: string;
  /** Undefined where the dialect does not tell. */
  readonly type: "request" | "response" | "inform" | undefined;
  /** By what it can be answered. */
  readonly id: string;
  /** What the asker calls the question that it answers. */
  readonly answers: string | undefined;
  readonly replay: boolean;
}

/** What an end was refused: the dialect's code, and which of its messages. */
export interface Refused {
  readonly code: string;
  readonly about: string | undefined;
}

/** A client of one dialect, with a connection of its own, that does what every dialect can. */
export interface End {
  /** As the others address it. */
  readonly name: string;
  /** Asks somebody something. @returns what an answer will name */
  asks(to: string, text: string): string | Promise<string>;
  tells(to: string, text: string): void | Promise<void>;
  answers(heard: Heard, text: string): void | Promise<void>;
  hears(text: string): Promise<Heard>;
  /** The texts that it has heard and not taken, in order. */
  heard(): readonly unknown[];
  /** Joins a room; it is a member when this resolves. `past`: it hears so many of its last messages. */
  joins(room: string, past?: number): Promise<void>;
  makesClosed(room: string): Promise<void>;
  invites(room: string, name: string): Promise<void>;
  /** The next refusal. */
  isRefused(): Promise<Refused>;
  /** Resolves when what it said before has been handled. */
  settled(): Promise<void>;
  close(): void;
}

/** The dialects of the matrix. */
export const dialectNames = ["ZeroMQ", "PAN", "AgentChat", "Agent Network"] as const;
export type DialectName = (typeof dialectNames)[number];

/** How each dialect says that nobody is there, and that a room is not for everybody. */
export const words: Readonly<Record<DialectName, { readonly nobody: string; readonly closed: string }>> = {
  ZeroMQ: { nobody: "not-found", closed: "forbidden" },
  PAN: { nobody: "AGENT_NOT_FOUND", closed: "NOT_INVITED" },
  AgentChat: { nobody: "AGENT_NOT_FOUND", closed: "NOT_INVITED" },
  "Agent Network": { nobody: "RECIPIENT_NOT_FOUND", closed: "MESSAGE_ERROR" },
};

/** Connects a client of a dialect under a name of its own, proved where the dialect can. */
export const enter: Readonly<Record<DialectName, (at: TestBroker, name: string) => Promise<End>>> = {
  async ZeroMQ(at, name) {
    const token = await issueToken(at.dataDir, name);
    return zeromqEnd(await new PlainAgent(name, at, { token }).meet());
  },
  async PAN(at, name) {
    const token = await issueToken(at.dataDir, name, "ws");
    return panEnd(await PanWire.login(at.pan, name, token), name);
  },
  async AgentChat(at, name) {
    const wire = await ChatWire.open(at.pan.replace(/pan$/, "agentchat"));
    wire.say({ type: "IDENTIFY", name, echo: false });
    wire.id = String((await wire.hears(({ type }) => type === "WELCOME"))["agent_id"]);
    return chatEnd(wire);
  },
  "Agent Network": async (at, name) => networkEnd(await NetworkAgent.enter(at, name)),
};

function zeromqEnd(agent: PlainAgent): End {
  const says = async (to: string, type: string, text: string, more = {}): Promise<string> =>
    (await agent.send(to, type, text, more)).message_id;
  const shown = ({ message }: WireHeard): Heard => ({
    from: message.from,
    to: message.to,
    text: message.content.message,
    type: message.type as Heard["type"],
    id: message.message_id,
    answers: message.in_reply_to,
    replay: message["replay"] === true,
  });
  const does = async (kind: string, data: Record<string, unknown>): Promise<void> => {
    const { content } = await agent.asks(kind, data);
    if (content["kind"] === "fault") throw new Error(`${kind}: ${content.message}`);
  };
  return {
    name: agent.name,
    asks: (to, text) => says(to, "request", text),
    tells: async (to, text) => {
      await says(to, "inform", text);
    },
    answers: async ({ from, id }, text) => {
      await says(from, "response", text, { in_reply_to: id });
    },
    hears: async (text) => shown(await agent.hears(({ message }) => message.content.message === text)),
    heard: () => agent.heard.map(({ message }) => message.content.message),
    async joins(room, past = 0) {
      agent.sub.subscribe(room);
      await does("room.join", { room, ...(past > 0 && { history: past }) });
    },
    makesClosed: async (room) => {
      await does("room.create", { room, invite_only: true });
      agent.sub.subscribe(room);
    },
    invites: (room, name) => does("room.invite", { room, agent: name }),
    async isRefused() {
      const { message } = await agent.hears((heard) => heard.message.content["kind"] === "fault");
      const { code } = message.content["data"] as { code: string };
      return { code, about: message.in_reply_to };
    },
    settled: () => agent.settled(),
    close: () => {
      agent.close();
    },
  };
}

function panEnd(bot: PanWire, name: string): End {
  let said = 0;
  const says = (to: string, text: string, more: object = {}): string => {
    said += 1;
    const messageId = `${name}-${said}`;
    bot.say({ type: "chat", to, text, messageId, ...more });
    return messageId;
  };
  const asks = async (kind: string, data: object): Promise<void> => {
    bot.say({ type: "ask", kind, data, messageId: kind });
    const answer = await bot.hears((frame) => frame["replyTo"] === kind || frame["messageId"] === kind);
    if (answer.type !== "answer") throw new Error(`${kind}: ${JSON.stringify(answer)}`);
  };
  const shown = (frame: PanFrame): Heard => ({
    from: String(frame["from"]),
    to: String(frame["to"]),
    text: String(frame["text"]),
    type: frame["intent"] as Heard["type"],
    id: String(frame["messageId"]),
    answers: frame["replyTo"] as string | undefined,
    replay: frame["replay"] === true,
  });
  return {
    name,
    asks: (to, text) => says(to, text),
    tells: (to, text) => void says(to, text, { intent: "inform" }),
    answers: ({ from }, text) => void says(from, text),
    hears: async (text) => shown(await bot.hears((frame) => frame["text"] === text)),
    heard: () => bot.frames.map((frame) => frame["text"]),
    async joins(room, past = 0) {
      bot.say({ type: "join", room, ...(past > 0 && { history: past }) });
      await bot.hears((frame) => frame["status"] === "joined" && frame["room"] === room);
    },
    makesClosed: (room) => asks("room.create", { room, invite_only: true }),
    invites: (room, agent) => asks("room.invite", { room, agent }),
    async isRefused() {
      const { code, messageId } = await bot.hears("error");
      return { code: String(code), about: messageId as string | undefined };
    },
    settled: () => bot.settled(),
    close: () => {
      bot.close();
    },
  };
}

function chatEnd(wire: ChatWire): End {
  let said = 0;
  const name = wire.id.slice(1);
  const says = (to: string, content: string): string => {
    said += 1;
    const msg_id = `${name}-${said}`;
    wire.say({ type: "MSG", to: to.startsWith("#") ? to : `@${to}`, content, msg_id });
    return msg_id;
  };
  const bare = (id: unknown): string => String(id).replace(/^@/, "");
  const shown = (frame: ChatFrame): Heard => ({
    from: bare(frame["from"]),
    to: frame["to"] === "#all" ? "all" : bare(frame["to"]),
    text: String(frame["content"]),
    type: undefined,
    id: String(frame["msg_id"]),
    answers: frame["in_reply_to"] as string | undefined,
    replay: frame["replay"] === true,
  });
  return {
    name,
    asks: says,
    tells: (to, text) => void says(to, text),
    answers: ({ from }, text) => void says(from, text),
    hears: async (text) => shown(await wire.text(text)),
    heard: () => wire.frames.map(({ content }) => content),
    async joins(channel, past = 0) {
      wire.say({ type: "JOIN", channel, ...(past > 0 && { replay: past }) });
      const { type } = await wire.hears(({ type, ref }) => type === "JOINED" || ref === "JOIN");
      if (type === "JOINED") return;
      // Nobody else has made the room, and JOIN makes none.
      wire.say({ type: "CREATE_CHANNEL", channel });
      await wire.hears((frame) => frame.type === "JOINED" && frame["channel"] === channel);
    },
    async makesClosed(channel) {
      wire.say({ type: "CREATE_CHANNEL", channel, invite_only: true });
      await wire.hears((frame) => frame.type === "JOINED" && frame["channel"] === channel);
    },
    async invites(channel, agent) {
      wire.say({ type: "INVITE", channel, agent: `@${agent}` });
      await wire.settled();
    },
    async isRefused() {
      const { code, ref } = await wire.hears(({ type }) => type === "ERROR");
      return { code: String(code), about: ref as string | undefined };
    },
    settled: () => wire.settled(),
    close: () => {
      wire.close();
    },
  };
}

function networkEnd(agent: NetworkAgent): End {
  let asked = 0;
  const textIn = ({ content }: NetworkFrame): unknown => {
    const inside = (content["parameters"] ?? content["data"] ?? content) as { text?: unknown };
    return inside.text;
  };
  const types: Readonly<Record<string, Heard["type"]>> = { QUERY: "request", RESPONSE: "response", INFORM: "inform" };
  const shown = (frame: NetworkFrame): Heard => {
    const { senderId, recipientId, messageType, content, metadata } = frame;
    return {
      from: senderId,
      to: recipientId,
      text: String(textIn(frame)),
      type: types[messageType],
      id: typeof content["requestId"] === "string" ? content["requestId"] : frame.messageId,
      answers: messageType === "RESPONSE" ? String(content["requestId"]) : undefined,
      replay: metadata["replay"] === true,
    };
  };
  const does = async (queryType: string, parameters: object): Promise<void> => {
    const { error } = await agent.asks(queryType, parameters);
    if (error !== null) throw new Error(`${queryType}: ${JSON.stringify(error)}`);
  };
  return {
    name: agent.name,
    asks(to, text) {
      asked += 1;
      const requestId = `req-${asked}`;
      agent.say(to, "QUERY", { requestId, queryType: "CUSTOM", parameters: { text } });
      return requestId;
    },
    tells: (to, text) => void agent.say(to, "INFORM", { text }),
    answers: ({ from, id }, text) => void agent.say(from, "RESPONSE", { requestId: id, data: { text }, error: null }),
    hears: async (text) => shown(await agent.hears((frame) => textIn(frame) === text)),
    heard: () => agent.heard().map(textIn),
    joins: (room, past = 0) => does("ROOM_JOIN", { room, ...(past > 0 && { history: past }) }),
    makesClosed: (room) => does("room.create", { room, invite_only: true }),
    invites: (room, invited) => does("room.invite", { room, agent: invited }),
    async isRefused() {
      const { content } = await agent.hearsOf("system", "ERROR");
      const { originalMessageId } = content["details"] as { originalMessageId?: string };
      return { code: String(content["errorCode"]), about: originalMessageId };
    },
    settled: () => agent.settled(),
    close: () => {
      agent.close();
    },
  };
}
