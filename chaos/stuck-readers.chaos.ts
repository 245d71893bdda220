import { expect } from "vitest";
import { eventually } from "../test/kit/broker.js";
import { panToken, PanWire } from "../test/kit/pan-wire.js";
import { PlainAgent } from "../test/kit/plain-agent.js";
import { stuckSubscriber } from "../test/kit/stuck-subscriber.js";
import { Operator, settle } from "./kit/accounts.js";
import { BrokerProcess } from "./kit/broker-process.js";
import { scenario } from "./kit/scenario.js";

const messages = 30_000;
const window = 200;
const text = "x".repeat(1_000);
const room = "#news";

scenario({
  number: 3,
  title: "stuck and slow readers",
  done: `${messages.toLocaleString("en")} messages of 1 KB to a room; beside two readers that keep up, three ZeroMQ subscribers and three WebSockets never read, and one WebSocket reads for 5 ms of each 100`,
  limitMs: 80_000,
  async run(course) {
    const broker = await BrokerProcess.start(course, { limits: { zmqBacklogMaxBytes: 4 * 1_048_576 } });
    const operator = await Operator.of(course, broker);
    const token = panToken(broker.dataDir);
    const reader = await new PlainAgent("reader", broker, { topics: ["reader", room], declare: true }).meet();
    const writer = await new PlainAgent("writer", broker, { declare: true }).meet();
    const wires: PanWire[] = [];
    for (const name of ["bot", "slow", "stuck-1", "stuck-2", "stuck-3"]) {
      const wire = await PanWire.login(broker.pan, name, token);
      wire.say({ type: "join", room });
      await wire.settled();
      wires.push(wire);
    }
    const [bot, slow, ...stuckWires] = wires;
    if (bot === undefined || slow === undefined) throw new Error("nobody is in");
    const stuck: { close(): void }[] = [...stuckWires];
    for (let at = 0; at < 3; at += 1) stuck.push(await stuckSubscriber(broker.zmqOut, room));
    course.finally(() => {
      for (const thing of [reader, writer, ...wires, ...stuck]) thing.close();
    });
    for (const { socket } of stuckWires) socket.pause();
    const sips = setInterval(() => {
      slow.socket.resume();
      setTimeout(() => {
        if (slow.socket.readyState === slow.socket.OPEN) slow.socket.pause();
      }, 5);
    }, 100);
    course.finally(() => {
      clearInterval(sips);
    });
    await operator.until(({ connections }) => connections.zmqOut === 6 && connections.ws === 5, "all are there");
    const base = { memory: broker.memory(), descriptors: broker.descriptors() };

    let byBot = 0;
    bot.socket.on("message", (data: Buffer) => {
      if (data.includes(text)) byBot += 1;
    });
    const byReader = (): number => reader.heard.length;
    let most = 0;
    for (let sent = 0; sent < messages; sent += window) {
      for (let at = 0; at < window; at += 1) await writer.send(room, "inform", text);
      await eventually(
        () => byReader() >= sent + window && byBot >= sent + window,
        "those who read have everything",
        20_000,
      );
      bot.frames.length = 0;
      if (sent % 5_000 === 0) most = Math.max(most, broker.memory());
    }
    const { ledger, backlogBytes: unsent } = await operator.look();
    expect(ledger.copies.dropped.full, "what a stuck reader does not take is dropped, and counted").toBeGreaterThan(0);
    expect(ledger.copies.pending).toBeGreaterThan(0);
    clearInterval(sips);
    slow.socket.resume();
    for (const thing of stuck) thing.close();
    await operator.until(
      ({ connections, backlogBytes, ledger: { copies } }) =>
        connections.zmqOut === 3 && connections.ws === 2 && copies.pending === 0 && backlogBytes === 0,
      "the stuck ones are gone, and nothing waits",
    );

    // Only readers that drain are left: what is written from here on is what they hear.
    await slow.settled();
    slow.frames.length = 0;
    const before = (await operator.look()).ledger.copies.written;
    const heardBefore = [byReader(), byBot];
    for (let at = 0; at < window; at += 1) await writer.send(room, "inform", text);
    await eventually(
      () => byReader() === messages + window && byBot === messages + window && slow.frames.length === window,
      "everything arrives",
    );
    const after = (await operator.look()).ledger.copies.written;
    expect(heardBefore).toEqual([messages, messages]);
    expect(after - before - 1, "received = written (and the answer to the look before)").toBe(3 * window);
    await eventually(
      () => broker.memory() < base.memory + 64,
      "memory is back to its base, 64 MiB tolerated (it is flat from 75,000 messages on)",
      15_000,
    );
    course.note({
      messages,
      "heard by each who reads": byBot,
      "MiB before / most / after": `${String(base.memory)} / ${String(most)} / ${String(broker.memory())}`,
      "unsent bytes while they were stuck / after": `${unsent.toLocaleString("en")} / 0`,
      "received = written": 3 * window,
    });
    expect(broker.descriptors()).toBe(base.descriptors - stuck.length);
    await settle(course, broker);
  },
});
