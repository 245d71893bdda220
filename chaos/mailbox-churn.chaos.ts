import { setTimeout as pause } from "node:timers/promises";
import { expect } from "vitest";
import { WebSocket } from "ws";
import { eventually } from "../test/kit/broker.js";
import { PanWire } from "../test/kit/pan-wire.js";
import { PlainAgent } from "../test/kit/plain-agent.js";
import { standStill } from "../test/kit/stand-still.js";
import { issueToken } from "../test/kit/tokens.js";
import { RawPeer, subscribe } from "../test/zeromq/wire/raw-peer.js";
import { expectBoxExact, Operator, settle } from "./kit/accounts.js";
import { BrokerProcess } from "./kit/broker-process.js";
import { MailPython } from "./kit/mail-python.js";
import { MailTally } from "./kit/mail-tally.js";
import { scenario, type Course } from "./kit/scenario.js";

const waiting = 1_000;
const perSecond = 100;
const forMs = 10_000;
const pauseMs = 4_000;
/** Pings far more often than a pause is long. */
const limits = { mailMax: waiting * 4, zmqPingMs: 400, zmqSilenceMs: 1_200, wsPingMs: 600 };

scenario({
  number: 17,
  title: "owners of mailboxes that come and go, and pauses",
  done: `While ${waiting.toLocaleString("en")} messages wait in each box, a PAN bot and then a ZeroMQ agent connect and vanish ${String(perSecond)} times a second for ${String(forMs / 1_000)} s; two connections have one name; an owner, and then the broker, is stopped (SIGSTOP) for ${String(pauseMs / 1_000)} s, with pings every ${String(limits.zmqPingMs)} and ${String(limits.wsPingMs)} ms. Nothing is lost, no connection that stays hears anything twice, nobody is cut`,
  limitMs: 90_000,
  async run(course) {
    const broker = await BrokerProcess.start(course, { limits });
    const world = await World.of(course, broker);
    await churnOfPan(world);
    await churnOfZeroMq(world);
    await twoOfOneName(world);
    await pauses(world);
    for (const box of await world.operator.emptied(10_000)) expectBoxExact(box);
    await settle(course, broker);
  },
});

/** A broker, its operator, and a sender that may fill a box. */
class World {
  readonly course: Course;
  readonly broker: BrokerProcess;
  readonly operator: Operator;
  readonly #zed: PlainAgent;

  private constructor(course: Course, broker: BrokerProcess, operator: Operator, zed: PlainAgent) {
    this.course = course;
    this.broker = broker;
    this.operator = operator;
    this.#zed = zed;
  }

  static async of(course: Course, broker: BrokerProcess): Promise<World> {
    const operator = await Operator.of(course, broker);
    const token = await issueToken(broker.dataDir, "zed", "zmq");
    const zed = await new PlainAgent("zed", broker, { token }).meet();
    course.finally(() => {
      zed.close();
    });
    return new World(course, broker, operator, zed);
  }

  /** Opens a box, large enough that one sender may have `count` in it, and sends them: `0`, `1`, … */
  async fill(agent: string, count: number): Promise<readonly string[]> {
    await this.operator.asks("mailbox.open", { agent, max: waiting * 4 });
    return this.says(agent, count);
  }

  /** Sends so many, and resolves when the broker has all of them. */
  async says(to: string, count: number): Promise<readonly string[]> {
    const texts = Array.from({ length: count }, (_, at) => String(at));
    for (const text of texts) await this.#zed.send(to, "inform", text);
    await this.#zed.settled();
    return texts;
  }

  async sends(to: string, text: string): Promise<void> {
    await this.#zed.send(to, "inform", text);
  }

  /** Comes and vanishes in turn. @returns how often */
  async churn(come: () => Promise<void>): Promise<number> {
    const end = performance.now() + forMs;
    const running = new Set<Promise<void>>();
    let times = 0;
    for (; performance.now() < end; times += 1) {
      const one = come().finally(() => running.delete(one));
      running.add(one);
      await pause(1_000 / perSecond - 1);
    }
    await Promise.all(running);
    return times;
  }
}

/** Each connection answers pings for as long as it lives: what it proved to have read is not told again. */
async function churnOfPan(world: World): Promise<void> {
  const { broker, course } = world;
  const token = await issueToken(broker.dataDir, "bot", "ws");
  const texts = await world.fill("bot", waiting);
  const heard = new Set<string>();
  let told = 0;
  const hello = JSON.stringify({ type: "auth", agentId: "bot", token });
  const times = await world.churn(async () => {
    const socket = new WebSocket(broker.pan);
    socket.on("error", () => undefined); // the name may be in use for a moment
    socket.once("open", () => {
      socket.send(hello);
    });
    socket.on("message", (data: Buffer) => {
      const { type, text } = JSON.parse(data.toString()) as { readonly type: string; readonly text?: string };
      if (type !== "chat") return;
      told += 1;
      heard.add(String(text));
    });
    await pause(course.dice.between(1, 40));
    socket.terminate();
  });
  const handedOver = heard.size;
  const wire = await PanWire.login(broker.pan, "bot", token);
  await world.operator.emptied(20_000);
  await wire.settled();
  const rest = wire.frames.flatMap(({ type, text }) => (type === "chat" ? [String(text)] : []));
  wire.close();
  expect(rest, "in order, each once").toEqual(texts.slice(texts.length - rest.length));
  expect(new Set([...heard, ...rest]).size, "nothing is lost").toBe(texts.length);
  course.note({
    "PAN: came and vanished": times,
    "told meanwhile": told,
    different: handedOver,
    "told to who stayed": rest.length,
  });
}

/** Connections that answer no ping: nothing is handed over to them. */
async function churnOfZeroMq(world: World): Promise<void> {
  const { broker, course } = world;
  const texts = await world.fill("peer", waiting);
  const times = await world.churn(async () => {
    const peer = await RawPeer.open(broker.zmqOut, "SUB", { "X-Agent": "peer" });
    peer.send(subscribe("peer"));
    await pause(course.dice.between(1, 20));
    peer.close();
  });
  const agent = new PlainAgent("peer", broker, { declare: true });
  await world.operator.emptied(20_000);
  await agent.settled();
  expect(
    agent.heard.map(({ message }) => message.content.message),
    "in order, each once",
  ).toEqual(texts);
  agent.close();
  course.note({ "ZeroMQ: came and vanished": times });
}

/** What waits goes to the one that came last, what is new to both. */
async function twoOfOneName(world: World): Promise<void> {
  const { broker, course } = world;
  const before = await world.fill("twin", 200);
  const twins = [new PlainAgent("twin", broker, { declare: true }), new PlainAgent("twin", broker, { declare: true })];
  await world.operator.emptied(20_000);
  for (const twin of twins) await twin.meet();
  const heardOf = (twin: PlainAgent): readonly string[] =>
    twin.heard.splice(0).flatMap(({ message: { from, content } }) => (from === "zed" ? [content.message] : []));
  const heard = twins.map(heardOf);
  for (const one of heard) expect(one, "in order, none twice").toEqual([...new Set(one)].sort((a, b) => +a - +b));
  expect(new Set(heard.flat()).size).toBe(before.length);
  const later = await world.says("twin", 200);
  await world.operator.emptied(20_000);
  await eventually(() => twins.some(({ heard: { length } }) => length === later.length), "one has heard all of it");
  const news = twins.map(heardOf);
  for (const one of news) expect(one, "in order, none twice").toEqual([...new Set(one)].sort((a, b) => +a - +b));
  expect(new Set(news.flat()).size).toBe(later.length);
  for (const twin of twins) twin.close();
  course.note({
    "one name twice: what waited": heard.map(({ length }) => length).join(" + "),
    "what was new": news.map(({ length }) => length).join(" + "),
  });
}

/** An owner, and the broker, stand still for longer than pings may stay unanswered. */
async function pauses(world: World): Promise<void> {
  const { broker, course, operator } = world;
  const tally = new MailTally();
  const token = await issueToken(broker.dataDir, "calm", "ws");
  await operator.asks("mailbox.open", { agent: "calm", max: waiting * 4 });
  const wire = await PanWire.login(broker.pan, "calm", token);
  const python = await MailPython.start(course, broker, tally, { name: "py", intervalMs: 0, to: [] });
  let count = 0;
  const says = async (): Promise<void> => {
    for (let more = 0; more < 100; more += 1) {
      count += 1;
      for (const to of ["py", "calm"]) await world.sends(to, `zed.${to}.${String(count)}`);
    }
  };
  await says();
  const { connections } = await operator.until(() => tally.heard === count, "what came before");
  await standStill(python.pid);
  await says();
  await pause(pauseMs);
  await says();
  process.kill(python.pid, "SIGCONT");
  await operator.until(() => tally.heard === count, "what was said while the owner stood still");
  const saying = says();
  await standStill(broker.pid);
  await pause(pauseMs);
  process.kill(broker.pid, "SIGCONT");
  await saying;
  const after = await operator.until(() => tally.heard === count, "what was said while the broker stood still");
  await operator.emptied(20_000);
  expect(after.connections, "nobody was cut").toEqual(connections);
  expect(tally.problems("py"), "in order, none twice").toEqual([]);
  expect(tally.repeats).toBe(0);
  await wire.settled();
  const heard = wire.frames.flatMap(({ type, text }) => (type === "chat" ? [String(text)] : []));
  expect(heard).toEqual(Array.from({ length: count }, (_, at) => `zed.calm.${String(at + 1)}`));
  wire.close();
  await python.kill();
  course.note({ "told over both pauses, once each": tally.heard + heard.length });
}
