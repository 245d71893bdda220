import { keyFor, type TestKey } from "./agentchat-keys.js";
import { eventually, type TestBroker } from "./broker.js";
import { ChatWire } from "./chat-wire.js";
import { enterWithKey } from "./keyed-chat.js";
import { PanWire, panToken } from "./pan-wire.js";
import { PlainAgent } from "./plain-agent.js";
import { issueToken } from "./tokens.js";

/** What the broker answers to a question: `data`, or the code by which the door refuses. */
export interface Answered {
  readonly data?: unknown;
  readonly code?: string;
  readonly message: string;
}

/** Somebody who came in by one of the doors. */
export interface Caller {
  /** What routes to it. */
  readonly name: string;
  ask(kind: string, data?: Record<string, unknown>): Promise<Answered>;
  /** Says a text under an id, and goes on at once. `receipt`: as it stands on the wire. */
  say(to: string, text: string, id: string, receipt?: unknown): Promise<void>;
  /** Resolves when all that was said has been taken or refused. */
  settled(): Promise<void>;
  /** Texts that were heard so far, in order, each once for each time. */
  readonly texts: readonly string[];
  /** Everything else that was heard, as it came. */
  readonly others: readonly Readonly<Record<string, unknown>>[];
  /** Ends the connection as a crash does. Resolves when the broker knows. */
  vanish(): Promise<void>;
}

/** One of the three doors at which mailboxes are asked for. */
export interface Door {
  readonly name: "ZeroMQ" | "PAN" | "AgentChat";
  /** How the door calls faults of questions. */
  readonly codes: Readonly<Record<"malformed" | "forbidden" | "not-found" | "conflict" | "full", string>>;
  /** How a sender is told that a mailbox has no room. */
  readonly full: string;
  /** How one session of a name goes when another comes: a claimed name has as many as it wants. */
  readonly newcomer: "joins" | "displaces";
  /** `name`: makes the same one again. */
  enter(test: TestBroker, name: string): Promise<Caller>;
  /** The same, whose name is proved; by the one way to enter, if that proves it. */
  proved(test: TestBroker, name: string): Promise<Caller>;
  /** Somebody whose name is proved to nobody. */
  stranger(test: TestBroker, name: string): Promise<Caller>;
}

async function left(test: TestBroker, close: () => void): Promise<void> {
  const count = (): number => {
    const { ws, zmqOut } = test.broker.status().connections;
    return ws + zmqOut;
  };
  const before = count();
  close();
  await eventually(() => count() < before, "the broker knows that it has gone");
}

function overZmq(test: TestBroker, agent: PlainAgent): Caller {
  const isText = (message: PlainAgent["heard"][number]["message"]): boolean => message.from !== "$broker";
  return {
    name: agent.name,
    async ask(kind, data) {
      const { content } = await agent.asks(kind, data);
      const said = content["data"] as Record<string, unknown> | undefined;
      return content["kind"] === "fault"
        ? { code: String(said?.["code"]), message: content.message }
        : { data: said, message: content.message };
    },
    async say(to, text, id, receipt) {
      await agent.send(to, "inform", text, { message_id: id, ...(receipt !== undefined && { receipt }) });
    },
    settled: () => agent.settled(),
    get texts() {
      return agent.heard.filter(({ message }) => isText(message)).map(({ message }) => message.content.message);
    },
    get others() {
      return agent.heard.filter(({ message }) => !isText(message)).map(({ message }) => message);
    },
    vanish: () =>
      left(test, () => {
        agent.close();
      }),
  };
}

/** Somebody on a PAN connection that has logged in. */
export function overPan(test: TestBroker, name: string, wire: PanWire): Caller {
  let questions = 0;
  return {
    name,
    async ask(kind, data) {
      const messageId = `question ${String((questions += 1))}`;
      wire.say({ type: "ask", kind, messageId, ...(data !== undefined && { data }) });
      const told = await wire.hears((frame) => frame["replyTo"] === messageId || frame["messageId"] === messageId);
      const message = String(told["message"]);
      return told.type === "error" ? { code: String(told["code"]), message } : { data: told["data"], message };
    },
    say(to, text, id, receipt) {
      wire.say({
        type: "chat",
        to,
        text,
        messageId: id,
        intent: "inform",
        ...(receipt !== undefined && { receipt }),
      });
      return Promise.resolve();
    },
    settled: () => wire.settled(),
    get texts() {
      return wire.frames.filter(({ type }) => type === "chat").map((frame) => String(frame["text"]));
    },
    get others() {
      return wire.frames.filter(({ type }) => type !== "chat");
    },
    vanish: () =>
      left(test, () => {
        wire.close();
      }),
  };
}

function overChat(test: TestBroker, name: string, wire: ChatWire): Caller {
  let questions = 0;
  return {
    name,
    async ask(kind, data) {
      const id = `question ${String((questions += 1))}`;
      wire.say({ type: "ASK", kind, msg_id: id, ...(data !== undefined && { data }) });
      const told = await wire.hears((frame) => frame["ref"] === id);
      const message = String(told["message"]);
      return told.type === "ERROR" ? { code: String(told["code"]), message } : { data: told["data"], message };
    },
    say(to, content, id, receipt) {
      wire.say({ type: "MSG", to: `@${to}`, content, msg_id: id, ...(receipt !== undefined && { receipt }) });
      return Promise.resolve();
    },
    settled: () => wire.settled(),
    get texts() {
      const own = `@${name}`;
      const texts = wire.frames.filter((frame) => frame.type === "MSG" && frame["from"] !== own);
      return texts.map((frame) => String(frame["content"]));
    },
    get others() {
      return wire.frames.filter(({ type }) => type !== "MSG");
    },
    vanish: () =>
      left(test, () => {
        wire.close();
      }),
  };
}

const chatUrl = ({ pan }: TestBroker): string => pan.replace("/pan", "/agentchat");
const key = (name: string): TestKey => keyFor(`door ${name}`);

async function enterPan(test: TestBroker, name: string): Promise<Caller> {
  const token = await issueToken(test.dataDir, name, "ws");
  return overPan(test, name, await PanWire.login(test.pan, name, token));
}

async function enterChat(test: TestBroker, name: string): Promise<Caller> {
  const own = key(name);
  return overChat(test, own.id, await enterWithKey(chatUrl(test), own));
}

/** ZeroMQ, PAN and AgentChat, each as its plainest client uses it. */
export const mailDoors: readonly Door[] = [
  {
    name: "ZeroMQ",
    codes: {
      malformed: "malformed",
      forbidden: "forbidden",
      "not-found": "not-found",
      conflict: "conflict",
      full: "full",
    },
    full: "full",
    newcomer: "joins",
    async enter(test, name) {
      const agent = new PlainAgent(name, test);
      await agent.meet();
      return overZmq(test, agent);
    },
    async proved(test, name) {
      const agent = new PlainAgent(name, test, { token: await issueToken(test.dataDir, name, "zmq") });
      await agent.meet();
      return overZmq(test, agent);
    },
    stranger: (test, name) => mailDoors[0]?.enter(test, name) ?? Promise.reject(new Error("no door")),
  },
  {
    name: "PAN",
    codes: {
      malformed: "INVALID_FORMAT",
      forbidden: "NOT_INVITED",
      "not-found": "AGENT_NOT_FOUND",
      conflict: "CONFLICT",
      full: "room_full",
    },
    full: "room_full",
    newcomer: "displaces",
    enter: enterPan,
    proved: enterPan,
    async stranger(test, name) {
      return overPan(test, name, await PanWire.login(test.pan, name, panToken(test.dataDir)));
    },
  },
  {
    name: "AgentChat",
    codes: {
      malformed: "INVALID_MSG",
      forbidden: "NOT_INVITED",
      "not-found": "AGENT_NOT_FOUND",
      conflict: "INVALID_MSG",
      full: "INVALID_MSG",
    },
    full: "INVALID_MSG",
    newcomer: "displaces",
    enter: enterChat,
    proved: enterChat,
    async stranger(test, name) {
      const wire = await ChatWire.enter(chatUrl(test), name);
      return overChat(test, wire.id.slice(1), wire);
    },
  },
];
