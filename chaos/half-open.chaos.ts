import type { Socket } from "node:net";
import { expect } from "vitest";
import { PanWire, panToken } from "../test/kit/pan-wire.js";
import { PlainAgent } from "../test/kit/plain-agent.js";
import { Operator, settle } from "./kit/accounts.js";
import { BrokerProcess } from "./kit/broker-process.js";
import { dial } from "./kit/dial.js";
import { scenario } from "./kit/scenario.js";

const silent = 700;
const halfGreetings = 700;
const halfUpgrades = 600;
const halfGreeting = Buffer.from([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3]);
const halfUpgrade = "GET /pan HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n";

scenario({
  number: 4,
  title: "half-open connections",
  done: `${String(silent + halfGreetings + halfUpgrades)} TCP connections that say nothing, half a ZMTP greeting, or half an upgrade, while two agents talk`,
  limitMs: 60_000,
  async run(course) {
    const broker = await BrokerProcess.start(course, { limits: { zmqHandshakeMs: 6_000 } });
    const operator = await Operator.of(course, broker);
    const agent = await new PlainAgent("ada", broker, { declare: true }).meet();
    const bot = await PanWire.login(broker.pan, "bot", panToken(broker.dataDir));
    course.finally(() => {
      agent.close();
      bot.close();
    });
    const base = { memory: broker.memory(), descriptors: broker.descriptors() };
    const doors = [broker.zmqIn, broker.zmqOut, broker.ws];
    const sockets: Socket[] = [];
    const plan = [
      ...Array.from({ length: silent }, (_, at) => ({ url: doors[at % 3] ?? broker.ws, words: "" })),
      ...Array.from({ length: halfGreetings }, (_, at) => ({
        url: doors[at % 2] ?? broker.zmqIn,
        words: halfGreeting.subarray(0, course.dice.between(1, 11)),
      })),
      ...Array.from({ length: halfUpgrades }, () => ({
        url: broker.ws,
        words: halfUpgrade.slice(0, course.dice.between(1, halfUpgrade.length)),
      })),
    ];
    let closed = 0;
    for (const { url, words } of plan) {
      const socket = await dial(url, words);
      socket.resume();
      socket.once("close", () => (closed += 1));
      sockets.push(socket);
    }
    const open = broker.descriptors() - base.descriptors;
    let talked = 0;
    for (; closed < plan.length; talked += 1) {
      await agent.send("bot", "inform", `round ${String(talked)}`);
      await bot.hears(({ text }) => text === `round ${String(talked)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await operator.until(
      ({ connections }) => connections.zmqIn + connections.zmqOut === 4 && connections.ws === 1,
      "only those who speak are left",
    );
    const after = { memory: broker.memory(), descriptors: broker.descriptors() };
    course.note({
      connections: plan.length,
      "open at once": open,
      "messages meanwhile": talked,
      "MiB before / after": `${String(base.memory)} / ${String(after.memory)}`,
      "descriptors before / after": `${String(base.descriptors)} / ${String(after.descriptors)}`,
    });
    expect(after.descriptors).toBe(base.descriptors);
    expect(after.memory, "memory is back to its base, 48 MiB tolerated").toBeLessThan(base.memory + 48);
    await settle(course, broker);
  },
});
