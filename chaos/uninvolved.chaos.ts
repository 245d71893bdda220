import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { constants, setPriority } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import { expect } from "vitest";
import { ChatWire, type ChatFrame } from "../test/kit/chat-wire.js";
import { panToken, PanWire } from "../test/kit/pan-wire.js";
import { greeting, message, RawPeer, ready, subscribe } from "../test/zeromq/wire/raw-peer.js";
import { encodeFrame } from "../src/zeromq/wire/codec.js";
import { Operator, settle } from "./kit/accounts.js";
import { BrokerProcess } from "./kit/broker-process.js";
import { forked, Probe } from "./kit/probe-process.js";
import { scenario, type Course } from "./kit/scenario.js";

const runs = 5;
const mostMs = 50;
const names = 30_000;
const namesOfOne = 100;
const members = 5_000;
const crowd = 2_000;
const sessions = 50;

/** What strangers do; all of it is over when it resolves. */
interface Input {
  readonly title: string;
  readonly run: (run: number) => Promise<void>;
}

scenario({
  number: 13,
  title: "an uninvolved client's round trip",
  done: `What strangers may say at the default limits and what costs the broker most, each ${String(runs)} times: 19,000 rooms under changing names, JOIN, LIST_AGENTS and INVITE in a channel of ${members.toLocaleString("en")}, lists of ${names.toLocaleString("en")} agents, ${crowd.toLocaleString("en")} agents that come and vanish at once, messages to all of these. A client that has nothing to do with it pings; noted: the median of the runs' longest round trips`,
  limitMs: 300_000,
  async run(course) {
    const broker = await BrokerProcess.start(course);
    const probe = await Probe.start(course, broker);
    const medians: Record<string, number> = {};
    const measure = async ({ title, run }: Input): Promise<void> => {
      const longest: number[] = [];
      for (let at = 0; at < runs; at += 1) longest.push(await probe.during(() => run(at)));
      longest.sort((one, other) => one - other);
      medians[title] = Math.round((longest[Math.floor(runs / 2)] ?? Infinity) * 10) / 10;
      course.note({ [`${title}, ms`]: medians[title] });
    };
    await measure({ title: "nothing", run: () => pause(500) });
    await measure({ title: "19,000 rooms and changing names", run: (run) => manyRooms(course, broker, run) });
    for (const [door, words] of [
      [broker.pan, "that"],
      [broker.zmqOut, "by ZeroMQ that"],
    ] as const)
      await measure({
        title: `${String(crowd)} ${words} come and vanish`,
        run: async () => vanish(await come(broker, door)),
      });
    const operator = await Operator.of(course, broker);
    const child = await come(broker, broker.pan);
    const say = (text: string, times: number) => () => sayToCrowd(operator, broker, text, times);
    await measure({ title: `200 messages to ${String(crowd)}`, run: say("x".repeat(100), 200) });
    await measure({ title: `five of 60 KB to ${String(crowd)}`, run: say("x".repeat(60_000), 5) });
    await vanish(child);

    await fillChannel(course, broker);
    const channel = "#crowd";
    const all = (frame: (at: number) => ChatFrame) => () => sayAll(broker, channel, frame);
    await measure({ title: "JOIN by members", run: all(() => ({ type: "JOIN", channel })) });
    await measure({ title: "LIST_AGENTS", run: all(() => ({ type: "LIST_AGENTS", channel })) });
    await measure({ title: "INVITE", run: all(() => ({ type: "INVITE", channel, agent: "@m-7" })) });
    await measure({
      title: "LEAVE and JOIN",
      run: all((at) => ({ type: at % 2 === 0 ? "LEAVE" : "JOIN", channel })),
    });

    await fillNames(course, broker);
    await measure({ title: "agents.list", run: () => askDesk(broker, "agents.list") });
    await measure({ title: "rooms.list", run: () => askDesk(broker, "rooms.list") });
    await measure({ title: "PAN list", run: () => listAll(broker) });
    for (const [title, median] of Object.entries(medians)) expect(median, title).toBeLessThanOrEqual(mostMs);
    await operator.until(({ backlogBytes }) => backlogBytes === 0, "all has been written");
    await settle(course, broker);
  },
});

/** One connection subscribes to 19,000 rooms, takes one name after the other, and goes. */
async function manyRooms(course: Course, broker: BrokerProcess, run: number): Promise<void> {
  const peer = await RawPeer.open(broker.zmqOut, "SUB");
  course.finally(() => {
    peer.close();
  });
  peer.socket.resume();
  peer.send(...Array.from({ length: 19_000 }, (_, at) => subscribe(`#r${String(run)}-${String(at)}`)));
  for (let at = 0; at < 20; at += 1) {
    peer.send(encodeFrame(0, Buffer.from(`\0n${String(at - 1)}`)), subscribe(`n${String(at)}`));
    await pause(60);
  }
  peer.close();
}

async function come(broker: BrokerProcess, door: string): Promise<ChildProcess> {
  const child = forked("crowd.mjs", [door, panToken(broker.dataDir), "#square", String(crowd)]);
  // It stands for other machines, which do not take the broker's processor.
  if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW);
  await once(child, "message");
  const isIn = once(child, "message");
  child.send("come");
  await isIn;
  return child;
}

async function vanish(child: ChildProcess): Promise<void> {
  child.kill("SIGKILL");
  await once(child, "exit");
  await pause(1_000);
}

/** A publisher says much to all of them at once; it is over when all of it has been written. */
async function sayToCrowd(operator: Operator, broker: BrokerProcess, text: string, times: number): Promise<void> {
  const peer = await RawPeer.open(broker.zmqIn, "PUB");
  const payload = JSON.stringify({ message_id: "1", from: "caller", to: "#square", type: "inform", content: text });
  peer.send(...Array.from({ length: times }, () => message("#square", payload)));
  await pause(500);
  await operator.until(({ backlogBytes }) => backlogBytes === 0, "all has been written", 60_000);
  peer.close();
}

/** A channel of thousands. */
async function fillChannel(course: Course, broker: BrokerProcess): Promise<void> {
  for (let at = 0; at < members; at += 100)
    await Promise.all(
      Array.from({ length: 100 }, async (_, n) => {
        const peer = await RawPeer.connect(broker.zmqOut);
        course.finally(() => {
          peer.close();
        });
        peer.send(greeting("NULL"), ready("SUB", { "X-Agent": `m-${String(at + n)}` }), subscribe("#crowd"));
        await peer.read(64);
      }),
    );
}

/** Many members of a channel say so much as their buckets allow, all of them at once. */
async function sayAll(broker: BrokerProcess, channel: string, frame: (at: number) => ChatFrame): Promise<void> {
  const wires = await Promise.all(
    Array.from({ length: sessions }, (_, at) => ChatWire.enter(broker.agentchat, `chat-${String(at)}`)),
  );
  for (const wire of wires) wire.say({ type: "JOIN", channel });
  await Promise.all(wires.map((wire) => wire.hears(({ type }) => type === "JOINED", 30_000)));
  await pause(1_100); // the buckets are full again
  for (let at = 0; at < 10; at += 1) for (const wire of wires) wire.say(frame(at));
  // A word that the server does not know is refused behind all that came before it, and costs nothing.
  for (const wire of wires) wire.say({ type: "END" });
  await Promise.all(wires.map((wire) => wire.hears(({ type, ref }) => type === "ERROR" && ref === "END", 30_000)));
  for (const wire of wires) wire.close();
}

/** 30,000 agents are online, most of them behind connections with many names. */
async function fillNames(course: Course, broker: BrokerProcess): Promise<void> {
  for (let at = 0; at < names - members; at += namesOfOne) {
    const peer = await RawPeer.open(broker.zmqOut, "SUB");
    course.finally(() => {
      peer.close();
    });
    peer.send(...Array.from({ length: namesOfOne }, (_, n) => subscribe(`name-${String(at + n)}`)));
  }
  await pause(2_500); // the names are listed
}

/** Agents ask the desk for the same, all of them at once; their buckets are full. */
async function askDesk(broker: BrokerProcess, kind: string): Promise<void> {
  const askers = await Promise.all(
    Array.from({ length: 19 }, async (_, at) => {
      const name = `asker-${String(at)}`;
      const sub = await RawPeer.open(broker.zmqOut, "SUB", { "X-Agent": name });
      const pub = await RawPeer.open(broker.zmqIn, "PUB", { "X-Agent": name });
      return { name, sub, pub };
    }),
  );
  for (const { name, pub } of askers) {
    const request = { message_id: kind, from: name, to: "$broker", type: "request", content: { message: "", kind } };
    pub.send(message("$broker", JSON.stringify(request)));
  }
  await Promise.all(askers.map(({ sub }) => sub.message()));
  for (const { pub, sub } of askers) for (const peer of [pub, sub]) peer.close();
}

async function listAll(broker: BrokerProcess): Promise<void> {
  const token = panToken(broker.dataDir);
  const wires = await Promise.all(
    Array.from({ length: sessions }, (_, at) => PanWire.login(broker.pan, `pan-${String(at)}`, token)),
  );
  for (const wire of wires) wire.say({ type: "list" });
  await Promise.all(
    wires.map((wire) => wire.hears((frame) => frame.type === "list" || frame.type === "error", 30_000)),
  );
  for (const wire of wires) wire.close();
}
