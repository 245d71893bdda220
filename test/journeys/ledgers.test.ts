import { createConnection } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { eventually, startBroker, type TestBroker } from "../kit/broker.js";
import { PanWire, panToken } from "../kit/pan-wire.js";
import { PlainAgent } from "../kit/plain-agent.js";
import { stuckSubscriber } from "../kit/stuck-subscriber.js";

type Status = ReturnType<TestBroker["broker"]["status"]>["ledger"];

/** Both equations of ARCHITECTURE, invariant 4,. */
function expectExact({ messages, copies, taps }: Status): void {
  expect(messages.accepted).toBe(
    messages.routed + messages.stored + messages.refused + messages.unroutable + messages.malformed,
  );
  for (const ledger of [copies, taps]) {
    const { full, closed, expired, unrenderable } = ledger.dropped;
    expect(ledger.copies).toBe(ledger.written + full + closed + expired + unrenderable + ledger.pending);
  }
}

describe("nothing is lost in silence", () => {
  const open: { close(): void }[] = [];
  let at: TestBroker;
  afterEach(async () => {
    for (const thing of open.splice(0)) thing.close();
    await at.stop();
  });

  it("keeps both ledgers exact while a subscriber stops reading, and hurts nobody else", async () => {
    at = await startBroker({ limits: { zmqBacklogMaxBytes: 4 * 1024 * 1024 } });
    const reader = await new PlainAgent("reader", at, { topics: ["reader", "news"] }).meet();
    const writer = await new PlainAgent("writer", at).meet();
    const stuck = await stuckSubscriber(at.zmqOut, "news");
    open.push(reader, writer, stuck);
    await eventually(() => at.broker.status().connections.zmqOut >= 3, "three subscribers");
    await eventually(async () => {
      await writer.send("news", "inform", "hello");
      return at.broker.status().ledger.copies.copies > 0;
    }, "the subscription");
    await writer.settled();
    const rounds = 20_000;
    const before = at.broker.status().ledger;
    const text = "x".repeat(1_000);
    let got = 0;
    reader.heard.length = 0;
    for (let n = 0; n < rounds; n += 1) {
      await writer.send("news", "inform", text, { n });
      if (n % 500 === 0) expectExact(at.broker.status().ledger);
    }
    await eventually(
      () => {
        got = reader.heard.filter(({ message }) => typeof message["n"] === "number").length;
        return got === rounds;
      },
      `the reader has all ${rounds}`,
      15_000,
    );
    expect(
      reader.heard.filter(({ message }) => typeof message["n"] === "number").map(({ message }) => message["n"]),
    ).toEqual(Array.from({ length: rounds }, (_, n) => n));
    const after = at.broker.status().ledger;
    expectExact(after);
    // The broker's own word on $events that a reader is slow counts, too: at most one a second.
    expect(after.messages.accepted - before.messages.accepted).toBeGreaterThanOrEqual(rounds);
    expect(after.messages.accepted - before.messages.accepted).toBeLessThan(rounds + 60);
    expect(after.copies.dropped.full).toBeGreaterThan(0);
    expect(after.copies.pending).toBeGreaterThan(0);
    stuck.close();
    await eventually(() => at.broker.status().ledger.copies.pending === 0, "the stuck reader's copies are settled");
    expectExact(at.broker.status().ledger);
    expect(at.broker.status().ledger.copies.dropped.closed).toBeGreaterThan(0);
  });

  it("gives a subscriber that drains exactly what was written, at a stop under traffic", async () => {
    at = await startBroker();
    const reader = await new PlainAgent("reader", at).meet();
    const writer = await new PlainAgent("writer", at).meet();
    open.push(reader, writer);
    const rounds = 5_000;
    for (let n = 0; n < rounds; n += 1) await writer.send("reader", "inform", "m", { n });
    await at.broker.stop();
    await eventually(
      () => reader.heard.filter(({ message }) => typeof message["n"] === "number").length === rounds,
      "every message sent before the stop",
    );
    const { ledger } = at.broker.status();
    expectExact(ledger);
    expect(ledger.copies.pending).toBe(0);
  });

  it("counts what cannot be understood, from ZeroMQ and from PAN", async () => {
    at = await startBroker();
    const writer = await new PlainAgent("writer", at).meet();
    const bot = await PanWire.login(at.pan, "bot", panToken(at.dataDir));
    open.push(writer, bot);
    const before = at.broker.status().ledger.messages.malformed;
    await writer.pub.send(["bot", "{not json"]);
    await writer.pub.send(["bot", '{"from":"writer","type":"inform","content":{"message":NaN}}']);
    await writer.pub.send(["bot", '{"from":"writer","from":"other","type":"inform","content":{}}']);
    await writer.pub.send(["one frame only"]);
    await writer.pub.send(["bot", "three", "frames"]);
    await writer.send("bot", "inform", "good");
    expect(await bot.hears("chat")).toMatchObject({ text: "good" });
    expect(at.broker.status().ledger.messages.malformed - before).toBe(5);
    expectExact(at.broker.status().ledger);
  });

  it("stays exact when connections are cut in the middle of a message", async () => {
    at = await startBroker();
    const writer = await new PlainAgent("writer", at).meet();
    open.push(writer);
    const port = Number(new URL(at.zmqIn).port);
    for (let n = 0; n < 50; n += 1) {
      const socket = createConnection({ host: "127.0.0.1", port });
      await new Promise((resolve) => socket.once("connect", resolve));
      socket.write(Buffer.from(Array.from({ length: n * 3 }, (_, at) => (at * 37 + n) % 256)));
      socket.destroy();
    }
    const asked = await writer.send("$broker", "request", "ping", { content: { message: "ping", kind: "ping" } });
    await writer.hears(({ message }) => message.in_reply_to === asked.message_id);
    expectExact(at.broker.status().ledger);
  });
});
