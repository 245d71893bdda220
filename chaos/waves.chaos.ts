import { expect } from "vitest";
import { PlainAgent } from "../test/kit/plain-agent.js";
import { greeting } from "../test/zeromq/wire/raw-peer.js";
import { Operator, settle } from "./kit/accounts.js";
import { BrokerProcess } from "./kit/broker-process.js";
import { dial, upgrade } from "./kit/dial.js";
import { scenario } from "./kit/scenario.js";

const attempts = 50_000;
const wave = 500;
const warm = 5_000;

scenario({
  number: 9,
  title: "50,000 connections in waves",
  done: `Waves of ${String(wave)} at once, upgrades to a WebSocket and ZMTP greetings in turn; each is answered and then cut, some by a reset`,
  limitMs: 100_000,
  async run(course) {
    const broker = await BrokerProcess.start(course);
    const operator = await Operator.of(course, broker);
    const agent = await new PlainAgent("ada", broker, { declare: true }).meet();
    course.finally(() => {
      agent.close();
    });
    let answered = 0;
    const attempt = async (url: string, words: string | Buffer): Promise<void> => {
      const socket = await dial(url, words);
      await new Promise<void>((resolve) => {
        socket.once("data", () => {
          answered += 1;
          if (course.dice.below(2) === 0) socket.resetAndDestroy();
          else socket.destroy();
        });
        socket.once("close", () => {
          resolve();
        });
      });
    };
    const zmtp = greeting("NULL");
    const kinds = [
      [broker.ws, upgrade(broker.ws, "/pan")],
      [broker.zmqIn, zmtp],
      [broker.ws, upgrade(broker.ws, "/agentchat")],
      [broker.zmqOut, zmtp],
    ] as const;
    let base = { memory: 0, descriptors: 0 };
    for (let at = 0; at < attempts; at += wave) {
      const [url, words] = kinds[(at / wave) % kinds.length] ?? kinds[0];
      await Promise.all(Array.from({ length: wave }, () => attempt(url, words)));
      if (at % (wave * 10) === 0) await agent.settled();
      if (at + wave !== warm) continue;
      await operator.until(
        ({ connections }) => connections.ws === 0 && connections.zmqIn + connections.zmqOut === 4,
        "those of the first waves are gone",
      );
      base = { memory: broker.memory(), descriptors: broker.descriptors() };
    }
    await operator.until(
      ({ connections }) => connections.ws === 0 && connections.zmqIn + connections.zmqOut === 4,
      "all of them are gone",
    );
    const after = { memory: broker.memory(), descriptors: broker.descriptors() };
    course.note({
      attempted: attempts,
      answered,
      [`MiB after ${warm.toLocaleString("en")} / all`]: `${String(base.memory)} / ${String(after.memory)}`,
      "descriptors after": `${String(base.descriptors)} / ${String(after.descriptors)}`,
    });
    expect(answered).toBe(attempts);
    expect(after.descriptors, "no descriptor is kept").toBeLessThanOrEqual(base.descriptors);
    expect(after.memory, "memory is back to its base, 48 MiB tolerated").toBeLessThan(base.memory + 48);
    await settle(course, broker);
  },
});
