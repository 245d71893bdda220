import { expect } from "vitest";
import { byteDecoders } from "../test/fuzz/byte-decoders.js";
import { damagedBytes, damagedText } from "../test/fuzz/damage.js";
import { fire } from "../test/fuzz/decoder.js";
import type { Dice } from "../test/fuzz/dice.js";
import { networkDecoders } from "../test/fuzz/network-decoders.js";
import { textDecoders } from "../test/fuzz/text-decoders.js";
import { panToken, PanWire } from "../test/kit/pan-wire.js";
import { Operator, settle } from "./kit/accounts.js";
import { BrokerProcess } from "./kit/broker-process.js";
import { dial, upgrade } from "./kit/dial.js";
import { scenario } from "./kit/scenario.js";

/** Inputs of each decoder, more where one costs less. */
const inputs: Readonly<Record<string, number>> = {
  "ZMTP FrameReader, whole against chunks": 300_000,
  "ZMTP greeting": 250_000,
  "ZMTP commands (READY, HELLO, PING)": 250_000,
  "ZMTP from-scan against JSON.parse": 350_000,
  "core readJson against JSON.parse": 200_000,
  "core readEnvelope, there and back": 100_000,
  "PAN codec.decode": 150_000,
  "PAN plain-chat against the schema": 300_000,
  "PAN client readEvent": 60_000,
  "AgentChat codec.decode": 100_000,
  "AgentChat client readFrame": 80_000,
  "AgentChat readPublicKey": 20_000,
  "echo decode": 50_000,
  "echo client decodeEvent": 20_000,
};
const mib = 1_048_576;

scenario({
  number: 10,
  title: "every decoder, under damaged input",
  done: "Frames of the vectors, cut, doubled, joined and changed; a decoder refuses in its own words or reads what its slower twin reads. Numbers: inputs, of them accepted",
  limitMs: 150_000,
  run(course) {
    // A stack for each refusal would cost more than the decoders.
    const { stackTraceLimit } = Error;
    course.finally(() => {
      Error.stackTraceLimit = stackTraceLimit;
    });
    Error.stackTraceLimit = 1;
    for (const decoder of [...byteDecoders, ...networkDecoders, ...textDecoders]) fire(decoder, course.dice, 2_000);
    const base = heap();
    let all = 0;
    let slowestMs = 0;
    for (const decoder of [...byteDecoders, ...networkDecoders, ...textDecoders]) {
      const volley = fire(decoder, course.dice, inputs[decoder.name] ?? 50_000);
      course.note({
        [decoder.name]: `${volley.inputs.toLocaleString("en")}, ${String(Math.round((volley.accepted / volley.inputs) * 100))} %`,
      });
      all += volley.inputs;
      slowestMs = Math.max(slowestMs, volley.slowestMs);
    }
    const after = heap();
    course.note({
      "inputs in all": all,
      "slowest input, ms": Math.round(slowestMs),
      "heap before / after, MiB": `${base.toFixed(1)} / ${after.toFixed(1)}`,
    });
    expect(all).toBeGreaterThanOrEqual(2_000_000);
    expect(after, "the heap is back to its base, 8 MiB tolerated").toBeLessThan(base + 8);
    return Promise.resolve();
  },
});

/** Live heap, MiB. */
function heap(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / mib;
}

const lines = 4_500;
/** By then the broker has as much memory as it takes for this: measured, it is flat from here on. */
const warmLines = 3_000;
const framesPerLine = 40;
const texts = [
  '{"type":"auth","agentId":"eve","token":"no"}',
  '{"type":"chat","to":"bob","text":"hi"}',
  '{"type":"IDENTIFY","name":"eve"}',
  '{"type":"MSG","to":"#general","content":"hi"}',
  '{"type":"list"}',
];

/**
 * A WebSocket frame as a client sends it, sane or not: any opcode, any flags, any length in any form, masked or not
 * (RFC 6455 §5.2).
 */
function wsFrame(dice: Dice): Buffer {
  const payload =
    dice.below(3) === 0 ? damagedBytes(dice, [Buffer.from("hello")]) : Buffer.from(damagedText(dice, texts));
  const isSane = dice.below(20) > 0;
  const head = isSane ? 0x80 | dice.pick([1, 1, 1, 1, 2, 9, 10]) : dice.below(256);
  const masked = isSane || dice.below(2) === 0;
  const size = isSane || dice.below(2) === 0 ? payload.length : dice.pick([0, 125, 126, 65_536, 2 ** 31, 2 ** 40]);
  const long = size > 65_535 ? 8 : size > 125 ? 2 : 0;
  const bytes = Buffer.alloc(2 + long);
  bytes[0] = head;
  bytes[1] = (masked ? 0x80 : 0) | (long === 8 ? 127 : long === 2 ? 126 : size);
  if (long === 2) bytes.writeUInt16BE(size, 2);
  if (long === 8) bytes.writeBigUInt64BE(BigInt(size), 2);
  // A mask of nothing leaves the payload as it is.
  return Buffer.concat([bytes, Buffer.alloc(masked ? 4 : 0), payload]);
}

/**
 * Upgrades, says all of it at once, waits until the broker has had enough or has taken it.
 * @returns what was heard, bytes
 */
async function pour(url: string, path: string, words: Buffer): Promise<number> {
  const socket = await dial(url, upgrade(url, path));
  return new Promise((resolve) => {
    let heard = 0;
    socket.once("data", () => {
      socket.write(words, () => setTimeout(() => socket.destroy(), 5));
    });
    socket.on("data", (chunk) => (heard += chunk.length));
    socket.once("close", () => {
      resolve(heard);
    });
  });
}

scenario({
  number: 11,
  title: "damaged WebSocket frames through real sockets",
  done: `${String(lines)} connections to every path, each with ${String(framesPerLine)} frames of any opcode, flag, length and content, one in twenty illegal, while two agents talk`,
  limitMs: 60_000,
  async run(course) {
    const broker = await BrokerProcess.start(course);
    const operator = await Operator.of(course, broker);
    const token = panToken(broker.dataDir);
    const [ada, bob] = [await PanWire.login(broker.pan, "ada", token), await PanWire.login(broker.pan, "bob", token)];
    course.finally(() => {
      ada.close();
      bob.close();
    });
    let base = { memory: 0, descriptors: 0 };
    let heard = 0;
    for (let at = 0; at < lines; at += 25) {
      heard += (
        await Promise.all(
          Array.from({ length: 25 }, () =>
            pour(
              broker.ws,
              course.dice.pick(["/pan", "/agentchat", "/"]),
              Buffer.concat(Array.from({ length: framesPerLine }, () => wsFrame(course.dice))),
            ),
          ),
        )
      ).reduce((sum, bytes) => sum + bytes, 0);
      if (at % 500 === 0) {
        ada.say({ type: "chat", to: "bob", text: `after ${String(at)}` });
        await bob.hears(({ text }) => text === `after ${String(at)}`);
      }
      if (at === warmLines) {
        await operator.until(({ connections }) => connections.ws === 2, "those so far are gone");
        base = { memory: broker.memory(), descriptors: broker.descriptors() };
      }
    }
    await operator.until(({ connections }) => connections.ws === 2, "only those who talk are left");
    const after = { memory: broker.memory(), descriptors: broker.descriptors() };
    course.note({
      "frames sent": lines * framesPerLine,
      "bytes answered": heard,
      "MiB after two thirds / all": `${String(base.memory)} / ${String(after.memory)}`,
      "descriptors after two thirds / all": `${String(base.descriptors)} / ${String(after.descriptors)}`,
    });
    expect(after.descriptors).toBe(base.descriptors);
    expect(after.memory, "memory is back to its base, 24 MiB tolerated").toBeLessThan(base.memory + 24);
    await settle(course, broker);
  },
});
