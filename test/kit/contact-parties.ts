import { readFileSync } from "node:fs";
import { join } from "node:path";
import { eventually, type TestBroker } from "./broker.js";
import { ChatWire } from "./chat-wire.js";
import { PanWire, panToken } from "./pan-wire.js";
import { PlainAgent } from "./plain-agent.js";
import { issueToken } from "./tokens.js";

/** Somebody who talks, in whatever dialect. */
export interface Party {
  readonly dialect: string;
  /** What routes to it. */
  readonly name: string;
  say(to: string, text: string): Promise<unknown>;
  /** Resolves when it hears this text. */
  hears(text: string): Promise<unknown>;
  /** True if it has heard the text by now. */
  has(text: string): boolean;
  /** What it is told of the next thing that is refused. */
  refused(): Promise<string>;
  /** Resolves when all it said was taken, and what was on its way to it has come. */
  settled(): Promise<unknown>;
  /** The names that it is shown. */
  sees(): Promise<readonly string[]>;
  close(): Promise<unknown>;
}

/** Somebody who can join rooms. */
export interface Member extends Party {
  join(room: string): Promise<unknown>;
}

/** Somebody who can ask `$broker`. */
export interface Asker extends Party {
  /** What it answers, or why not. */
  ask(kind: string, data: Record<string, unknown>): Promise<{ readonly message: string; readonly data?: unknown }>;
}

function done(run: () => void): Promise<void> {
  run();
  return Promise.resolve();
}

/** A session of the dialect with listed contacts (`listedDialect`). */
export async function listed(at: TestBroker, name: string, token?: string): Promise<Member> {
  const wire = await PanWire.open(at.pan.replace("/pan", "/echo"));
  wire.say({ type: "login", name, ...(token !== undefined && { token }) });
  await wire.hears("welcome");
  return {
    join: async (room) => {
      wire.say({ type: "join", room });
      await wire.hears("joined");
    },
    dialect: "listed",
    name,
    say: (to, text) =>
      done(() => {
        wire.say({ type: "say", to, text });
      }),
    hears: (text) => wire.hears((frame) => frame.type === "heard" && frame["text"] === text),
    has: (text) => wire.frames.some((frame) => frame["text"] === text),
    refused: async () => String((await wire.hears("refused"))["message"]),
    settled: async () => {
      wire.say({ type: "echo", text: "settled" });
      await wire.hears("echo");
    },
    sees: async () => {
      wire.say({ type: "list" });
      return (await wire.hears("agents"))["names"] as string[];
    },
    close: async () => {
      wire.close();
      await wire.closed;
    },
  };
}

/** An Agent Network session with a token of its own. */
export async function network(at: TestBroker, name: string, token?: string): Promise<Member> {
  const wire = await PanWire.open(at.pan.replace("/pan", "/agent-network/v1/connect"));
  wire.say({ type: "AUTH", agentId: name, token: token ?? (await issueToken(at.dataDir, name, "ws")) });
  await wire.hears(({ messageType }) => messageType === "CONNECTED");
  let count = 0;
  const say = (recipientId: string, messageType: string, content: object): void => {
    const messageId = `${name}-${(count += 1)}`;
    const frame = { messageId, conversationId: "c", senderId: name, recipientId, messageType, content };
    wire.raw(JSON.stringify({ ...frame, timestamp: Date.now(), metadata: {} }));
  };
  const ask = async (queryType: string, parameters: object): Promise<Record<string, unknown>> => {
    const requestId = `ask-${(count += 1)}`;
    say("system", "QUERY", { requestId, queryType, parameters });
    const answer = await wire.hears(({ content }) => (content as { requestId?: unknown }).requestId === requestId);
    return (answer["content"] as { data: Record<string, unknown> }).data;
  };
  const shows = (frame: Readonly<Record<string, unknown>>, text: string): boolean =>
    frame["senderId"] !== "system" && JSON.stringify(frame["content"]).includes(JSON.stringify(text));
  return {
    dialect: "Agent Network",
    name,
    join: (room) => ask("ROOM_JOIN", { room }),
    say: (to, text) =>
      done(() => {
        say(to, "INFORM", { text });
      }),
    hears: (text) => wire.hears((frame) => shows(frame, text)),
    has: (text) => wire.frames.some((frame) => shows(frame, text)),
    refused: async () => {
      const { content } = await wire.hears(({ messageType }) => messageType === "ERROR");
      return String((content as { message: unknown }).message);
    },
    settled: () => ask("ping", {}),
    sees: async () => ((await ask("agents.list", {}))["agents"] as { name: string }[]).map(({ name: one }) => one),
    close: async () => {
      wire.close();
      await wire.closed;
    },
  };
}

/** A PAN session with the shared token. */
export async function pan(at: TestBroker, name: string): Promise<Member & Asker> {
  const wire = await PanWire.login(at.pan, name, panToken(at.dataDir));
  return {
    join: async (room) => {
      wire.say({ type: "join", room });
      await wire.hears(({ status }) => status === "joined");
    },
    ask: async (kind, data) => {
      wire.say({ type: "ask", kind, data });
      const answer = await wire.hears(({ type }) => type === "answer" || type === "error");
      return { message: String(answer["message"]), data: answer["data"] };
    },
    dialect: "PAN",
    name,
    say: (to, text) =>
      done(() => {
        wire.say({ type: "chat", to, text });
      }),
    hears: (text) => wire.hears((frame) => frame["text"] === text),
    has: (text) => wire.frames.some((frame) => frame["text"] === text),
    refused: async () => String((await wire.hears("error"))["message"]),
    settled: () => wire.settled(),
    sees: async () => {
      wire.say({ type: "list" });
      const { agents } = await wire.hears("list");
      return (agents as { id: string }[]).map(({ id }) => id);
    },
    close: async () => {
      wire.close();
      await wire.closed;
    },
  };
}

/** An AgentChat session. */
export async function chat(at: TestBroker, name: string): Promise<Party> {
  const wire = await ChatWire.enter(at.pan.replace("/pan", "/agentchat"), name);
  const settled = async (): Promise<void> => {
    wire.say({ type: "PING" });
    await wire.hears(({ type }) => type === "PONG");
  };
  return {
    dialect: "AgentChat",
    name: wire.id.slice(1),
    say: (to, content) =>
      done(() => {
        wire.say({ type: "MSG", to: to.startsWith("#") ? to : `@${to}`, content });
      }),
    hears: (text) => wire.text(text),
    has: (text) => wire.frames.some(({ content, from }) => content === text && from !== wire.id),
    refused: async () => String((await wire.hears(({ type }) => type === "ERROR"))["message"]),
    settled,
    sees: async () => {
      wire.say({ type: "ASK", kind: "agents.list", msg_id: "list" });
      const { data } = await wire.hears(({ type, ref }) => type === "ANSWER" && ref === "list");
      return (data as { agents: { name: string }[] }).agents.map(({ name: one }) => one);
    },
    close: () =>
      done(() => {
        wire.close();
      }),
  };
}

/** A plain ZeroMQ agent that claims its name. */
export async function zmq(at: TestBroker, name: string, topics: readonly string[] = []): Promise<Asker> {
  return plain("ZeroMQ", await new PlainAgent(name, at, { declare: true, topics: [name, ...topics] }).meet());
}

/** The operator, by its token, with a tap. */
export async function operator(at: TestBroker): Promise<Asker> {
  const token = readFileSync(join(at.dataDir, "operator-token"), "utf8").trim();
  return plain("operator", await new PlainAgent("operator", at, { token, topics: ["operator", ""] }).meet());
}

function plain(dialect: string, agent: PlainAgent): Asker {
  return {
    ask: async (kind, data) => {
      const { content } = await agent.asks(kind, data);
      return { message: content.message, data: content["data"] };
    },
    dialect,
    name: agent.name,
    say: (to, text) => agent.send(to, "request", text),
    hears: (text) => agent.hears(({ message }) => message.content.message === text),
    has: (text) => agent.heard.some(({ message }) => message.content.message === text),
    refused: async () =>
      (await agent.hears(({ message }) => message.content["kind"] === "fault")).message.content.message,
    settled: () => agent.settled(),
    sees: async () =>
      ((await agent.asks("agents.list")).content["data"] as { agents: { name: string }[] }).agents.map(
        ({ name: one }) => one,
      ),
    close: () =>
      done(() => {
        agent.close();
      }),
  };
}

/** An agent in the broker's own process. */
export function local({ broker }: TestBroker, name: string): Party {
  const agent = broker.agent(name);
  const [texts, faults]: [string[], string[]] = [[], []];
  agent.onInform(({ content }) => {
    (content.kind === "fault" ? faults : texts).push(content.message);
  });
  agent.onRequest(({ content }) => {
    texts.push(content.message);
    return undefined;
  });
  const next = async <T>(find: () => T | undefined, what: string): Promise<T> => {
    let found: T | undefined;
    await eventually(() => (found = find()) !== undefined, what);
    return found as T; // there by now
  };
  return {
    dialect: "local",
    name,
    say: (to, text) => agent.inform(to, text),
    hears: (text) => next(() => (texts.includes(text) ? text : undefined), text),
    has: (text) => texts.includes(text),
    refused: () => next(() => faults.shift(), "a fault"),
    settled: () => agent.agents(),
    sees: async () => (await agent.agents()).map(({ name: one }) => one),
    close: () => agent.close(),
  };
}
