import { readFileSync } from "node:fs";
import { join } from "node:path";
import { SecureAgentSocket } from "../../../clients/typescript/agent-network/index.js";
import { Agent } from "../../../clients/typescript/agent/index.js";
import { AgentChatClient } from "../../../clients/typescript/agentchat/client.js";
import { PanClient } from "../../../clients/typescript/pan/client.js";
import type { Broker } from "../../broker.js";
import { Fault } from "../../core/index.js";
import { lendToken } from "../commands/token.js";
import { askBroker, asOperator } from "../operator.js";
import { decide, facts, plans, verses } from "./lines.js";

/** A token of the demo ends by itself, should the program be killed; milliseconds. */
const tokenMs = 24 * 3_600_000;
/** What an agent needs for its answer, milliseconds. */
const thinkMs = 400;

/** The agents of the demo, by what they do in it. AgentChat gives its agent a name of its own. */
export interface Cast {
  /** ZeroMQ: asks the others, and lets them vote. */
  readonly planner: Agent;
  /** ZeroMQ: measures, and reports of itself. */
  readonly meter: Agent;
  /** PAN: knows facts. */
  readonly scout: PanClient;
  /** AgentChat: writes. */
  readonly poet: AgentChatClient;
  /** Agent Network: keeps the calendar. */
  readonly clerk: SecureAgentSocket;
  readonly names: {
    readonly planner: string;
    readonly meter: string;
    readonly scout: string;
    readonly poet: string;
    readonly clerk: string;
    readonly sleeper: string;
  };
  /** All of them leave; what they needed is taken back. */
  close(): Promise<void>;
}

export const room = "#demo";

/**
 * Connects the agents of the demo, each through the door and in the dialect of its own, and lets them answer what they
 * are asked.
 * @param seen called with the name of each before it speaks
 * @param failed is told why an agent could not say something
 * @throws Fault unsupported: a door is missing, or takes no agents of this machine without a token
 */
export async function openCast(
  broker: Broker,
  seen: (name: string) => void,
  failed: (thrown: unknown) => void,
): Promise<Cast> {
  const { zmqIn, zmqOut, ws } = broker.endpoints;
  const [pub, sub, door] = [zmqIn[0], zmqOut[0], ws.find((url) => url.startsWith("ws://"))];
  if (pub === undefined || sub === undefined || door === undefined)
    throw new Fault(
      "unsupported",
      "the demo needs both ZeroMQ doors, and a WebSocket door without TLS: start it without --zmq-in, --zmq-out, --ws and --tls-…",
    );
  const ends: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    await Promise.allSettled(ends.splice(0).map((end) => end()));
  };
  try {
    const zeromq = async (name: string): Promise<Agent> => {
      seen(name);
      const agent = await Agent.connect({ name, in: pub, out: sub });
      ends.push(() => agent.close());
      await agent.join(room);
      return agent;
    };
    const planner = await zeromq("demo-planner");
    planner.onRequest(async () => {
      await thinking();
      return { message: plans.next() };
    });
    const meter = await zeromq("demo-meter");
    answerAsMeter(meter);
    const scout = await openScout(door, broker.dataDir, seen, ends);
    const poet = await openPoet(door, seen, failed, ends);
    const clerk = await openClerk(door, broker.dataDir, seen, ends);
    seen("demo-sleeper");
    return {
      planner,
      meter,
      scout,
      poet,
      clerk,
      names: {
        planner: "demo-planner",
        meter: "demo-meter",
        scout: "demo-scout",
        poet: poet.agentId ?? "",
        clerk: "demo-clerk",
        sleeper: "demo-sleeper",
      },
      close,
    };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

/** Something to be done when the demo ends. */
type Ends = (() => Promise<unknown>)[];

function answerAsMeter(meter: Agent): void {
  meter.onRequest(async (request) => {
    await thinking();
    const vote = decide(request.content);
    return vote === undefined ? { message: `${String(Math.round(20 + Math.random() * 5))} °C` } : { message: vote };
  });
}

async function openScout(door: string, dataDir: string, seen: (name: string) => void, ends: Ends): Promise<PanClient> {
  const agentId = "demo-scout";
  seen(agentId);
  const token = readFileSync(join(dataDir, "pan-token"), "utf8").trim();
  const scout = new PanClient({ url: `${door}/pan`, agentId, name: "Scout", token });
  scout.on("chat", ({ from, text, intent, messageId, data }) => {
    if (intent !== "request" || messageId === undefined) return;
    void thinking().then(() => {
      const words = decide({ message: text, data }) ?? facts.next();
      scout.say(from, words, { intent: "response", replyTo: messageId });
    });
  });
  await scout.connect();
  ends.push(() => scout.close());
  await scout.join(room);
  return scout;
}

async function openPoet(
  door: string,
  seen: (name: string) => void,
  failed: (thrown: unknown) => void,
  ends: Ends,
): Promise<AgentChatClient> {
  const poet = new AgentChatClient({ server: `${door}/agentchat`, name: "demo-poet", echo: false });
  poet.on("error", failed);
  await poet.connect();
  ends.push(() => poet.disconnect());
  const own = poet.agentId ?? "";
  seen(own.replace(/^@/, ""));
  poet.on("message", ({ from, to, content, msg_id: id, in_reply_to: answers }) => {
    if (to !== own || answers !== undefined) return;
    const vote = decide({ message: content });
    // What the broker tells besides (how a vote has ended) wants no answer.
    if (from === "@server" && vote === undefined) return;
    thinking()
      .then(() => poet.dm(from, vote ?? verses.next(), { inReplyTo: id }))
      .catch(failed);
  });
  await poet.join(room).catch(() => poet.createChannel(room));
  return poet;
}

async function openClerk(
  door: string,
  dataDir: string,
  seen: (name: string) => void,
  ends: Ends,
): Promise<SecureAgentSocket> {
  const agentId = "demo-clerk";
  seen(agentId);
  const lent = await lendToken(agentId, { dataDir }, tokenMs);
  const clerk = new SecureAgentSocket(`${door}/agent-network/v1/connect`, lent.token, agentId, { transcript: false });
  ends.push(async () => {
    await clerk.close();
    await lent.end();
    await asOperator({ dataDir }, (operator) => askBroker(operator, "network.forget", { user: agentId }));
  });
  clerk.handle("QUERY", async ({ parameters }, message) => {
    await thinking();
    const { text } = parameters;
    const vote = decide({ message: typeof text === "string" ? text : "", data: parameters });
    await clerk.respond(message, { data: { text: vote ?? "Tuesday at ten is free" } }, { plain: true });
  });
  await clerk.connect();
  return clerk;
}

function thinking(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, thinkMs * (0.5 + Math.random())).unref();
  });
}
