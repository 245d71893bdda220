import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeClock } from "../../../src/conformance/fake-clock.js";
import { Message, type Limits, type Recipient } from "../../../src/core/index.js";
import type { SubscriberPeer } from "../../../src/zeromq/wire/index.js";
import { encodeCommand } from "../../../src/zeromq/wire/commands.js";
import { message, RawPeer, subscribe } from "./raw-peer.js";
import { isExact, startWorld, until, type World } from "./world.js";

const ping = (context: string): Buffer => encodeCommand("PING", Buffer.concat([Buffer.alloc(2), Buffer.from(context)]));
const pong = (context: Buffer | string = ""): Buffer => encodeCommand("PONG", Buffer.from(context));

/** A subscriber, and its connection as a mailbox sees it. */
interface Subscribed {
  readonly peer: RawPeer;
  readonly recipient: Recipient;
  readonly proved: number[];
  readonly prove: () => void;
}

describe("a ZeroMQ connection to which something is handed over (protocols §9.1)", () => {
  let clock: FakeClock;
  let world: World;
  const open: RawPeer[] = [];

  const start = async (limits: Partial<Limits> = {}): Promise<void> => {
    clock = new FakeClock();
    world = await startWorld({ clock, limits });
  };
  beforeEach(() => start());
  afterEach(async () => {
    for (const peer of open.splice(0)) peer.close();
    await world.listener.stop();
    expect(isExact(world.ledger)).toBe(true);
    expect([world.ledger.copies.pending, world.total.bytes]).toEqual([0, 0]);
  });

  async function subscribed(minor = 1): Promise<Subscribed> {
    let wire: SubscriberPeer | undefined;
    world.policy.onSubscriber = (one) => {
      wire = one;
    };
    const peer = await RawPeer.open(world.outUrl, "SUB", {}, minor);
    open.push(peer);
    peer.send(subscribe("bob"));
    await until(() => world.router.route("bob") !== undefined, "the subscription");
    const recipient = wire?.recipient;
    if (recipient === undefined) throw new Error("no recipient");
    const proved: number[] = [];
    const prove = (): void => {
      recipient.prove({}, (tookMs) => proved.push(tookMs));
    };
    return { peer, recipient, proved, prove };
  }

  const push = (to: Recipient, text: string, topic = "bob"): ReturnType<Recipient["push"]> =>
    to.push(Message.ofWritten(Buffer.from(text), { topic, receivedAt: 0, trust: "claimed", origin: undefined }));

  /** The context of the next frame, which is a PING of ours. */
  async function contextOf(peer: RawPeer): Promise<Buffer> {
    const { flags, body } = await peer.frame();
    expect([flags, body.toString("hex", 0, 7)]).toEqual([4, "0450494e470000"]);
    return body.subarray(7);
  }

  /** Resolves once all that it sent has been read: the answer to a PING comes in order. */
  async function read(peer: RawPeer): Promise<void> {
    peer.send(ping("read?"));
    expect((await peer.frame()).body.toString("latin1")).toBe("\x04PONGread?");
  }

  /** Lets time pass in steps, with turns of the loop between them. */
  async function pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 5_000) {
      clock.advance(Math.min(left, 5_000));
      for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  it("asks by a PING behind it, whose context of 8 bytes proves it, once", async () => {
    const { peer, recipient, proved, prove } = await subscribed();
    expect([recipient.canProve, recipient.principal]).toEqual([true, undefined]);
    expect([push(recipient, "one"), push(recipient, "two")]).toEqual(["taken", "taken"]);
    prove();
    expect(push(recipient, "three")).toBe("taken");
    expect([await peer.message(), await peer.message()]).toEqual([
      ["bob", "one"],
      ["bob", "two"],
    ]);
    const context = await contextOf(peer);
    expect(context).toHaveLength(8);
    expect(await peer.message()).toEqual(["bob", "three"]);
    peer.send(pong(Buffer.alloc(8)), pong(context.subarray(0, 7)), pong(Buffer.concat([context, context])));
    await read(peer);
    expect(proved).toEqual([]);
    clock.advance(400);
    peer.send(pong(context), pong(context));
    await until(() => proved.length === 1, "the proof");
    await read(peer);
    expect(proved).toEqual([400]);
    expect(world.ledger.copies).toMatchObject({ copies: 3, written: 3 });
  });

  it("takes a PONG without context if all earlier PINGs of ours are answered, of a peer that never sent one back", async () => {
    const { peer, proved, prove } = await subscribed();
    await pass(31_000);
    expect(await contextOf(peer)).toHaveLength(0); // the heartbeat's
    prove();
    await contextOf(peer);
    peer.send(pong());
    await read(peer);
    expect(proved).toEqual([]);
    peer.send(pong());
    await until(() => proved.length === 1, "the proof");
  });

  it("repeats its question in heartbeats, whose answers prove nothing that was handed over later", async () => {
    const { peer, proved, prove } = await subscribed();
    prove();
    const context = await contextOf(peer);
    await pass(61_000);
    expect([await contextOf(peer), await contextOf(peer)]).toEqual([context, context]);
    peer.send(pong());
    await until(() => proved.length === 1, "the proof");
    prove();
    await contextOf(peer);
    peer.send(pong(), pong());
    await read(peer);
    expect(proved).toHaveLength(1);
    peer.send(pong());
    await until(() => proved.length === 2, "the second proof");
  });

  it("takes no PONG without context of a peer that has sent one back, and none that comes unasked", async () => {
    const { peer, proved, prove } = await subscribed();
    peer.send(pong(), pong());
    await read(peer);
    prove();
    const first = await contextOf(peer);
    peer.send(pong(first));
    await until(() => proved.length === 1, "the first proof");
    prove();
    const second = await contextOf(peer);
    peer.send(pong(), pong(), pong(first));
    await read(peer);
    expect(proved).toHaveLength(1);
    peer.send(pong(second));
    await until(() => proved.length === 2, "the second proof");
  });

  it("of ZMTP 3.0 is never pinged: what was written is proved once the connection has lived 2 s longer", async () => {
    const { peer, recipient, proved, prove } = await subscribed(0);
    expect(recipient.canProve).toBe(false);
    push(recipient, "hi");
    prove();
    expect(await peer.message()).toEqual(["bob", "hi"]);
    await until(() => world.ledger.copies.written === 1, "written");
    await pass(1_500);
    clock.pause(60_000);
    await pass(0);
    expect(proved).toEqual([]);
    await pass(1_000);
    expect(proved).toHaveLength(1);
    expect(peer.unread).toHaveLength(0);
    push(recipient, "again");
    prove();
    await peer.message();
    peer.close();
    await until(() => world.policy.events.includes("subscriber gone"), "gone");
    await pass(10_000);
    expect(proved).toHaveLength(1);
  });

  it("of ZMTP 3.0 proves nothing while something waits to be written", async () => {
    const { peer, recipient, proved, prove } = await subscribed(0);
    peer.socket.pause();
    const large = "x".repeat(1_000_000);
    while (push(recipient, large) === "taken") await new Promise((resolve) => setImmediate(resolve));
    prove();
    await pass(100_000);
    expect(proved).toEqual([]);
    peer.socket.resume();
    await until(() => world.ledger.copies.pending === 0, "all is written");
    await pass(3_000);
    expect(proved).toHaveLength(1);
  });

  it("of ZMTP 3.0 that pings us is asked as any other", async () => {
    const { peer, recipient, proved, prove } = await subscribed(0);
    await read(peer);
    expect(recipient.canProve).toBe(true);
    prove();
    peer.send(pong(await contextOf(peer)));
    await until(() => proved.length === 1, "the proof");
  });

  it("is cut for silence after provingMs only while it has not proved it", async () => {
    const { peer, recipient, proved, prove } = await subscribed();
    peer.send(pong());
    await read(peer);
    push(recipient, "hi");
    prove();
    await until(() => world.ledger.copies.written === 1, "all has left");
    await pass(599_000);
    expect([peer.isClosed, proved]).toEqual([false, []]);
    clock.pause(600_000);
    await pass(0);
    expect(peer.isClosed).toBe(false);
    await pass(2_000);
    await peer.closed;
    expect(world.ledger.reasons["zmtp-silent"]).toBe(1);
    const other = await subscribed();
    other.prove();
    other.peer.send(pong(await contextOf(other.peer)));
    await until(() => other.proved.length === 1, "the proof");
    await pass(91_000);
    await other.peer.closed;
    expect(world.ledger.reasons["zmtp-silent"]).toBe(2);
  });

  it("is full while much waits, counts nothing then, and leaves room to what passes", async () => {
    await world.listener.stop();
    await start({ zmqBacklogMaxBytes: 2_000_000 });
    const { peer, recipient, proved, prove } = await subscribed();
    peer.socket.pause();
    let taken = 0;
    while (push(recipient, "x".repeat(300_000)) === "taken") {
      taken += 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(push(recipient, "small")).toBe("full");
    expect(world.ledger.copies).toMatchObject({ copies: taken, dropped: { full: 0, unrenderable: 0 } });
    const from = await RawPeer.open(world.inUrl, "PUB");
    open.push(from);
    from.send(message("bob", "y".repeat(300_000)));
    await until(() => world.ledger.copies.copies === taken + 1, "what passes");
    expect(world.ledger.copies.dropped.full).toBe(0);
    prove();
    peer.socket.resume();
    for (let n = 0; n <= taken; n += 1) expect((await peer.message())[0]).toBe("bob");
    peer.send(pong(await contextOf(peer)));
    await until(() => proved.length === 1, "the proof");
    expect(push(recipient, "small")).toBe("taken");
  });

  it("says of what can never wait that it is too large, to the byte", async () => {
    await world.listener.stop();
    await start({ zmqBacklogMaxBytes: 10_000 });
    const { peer, recipient } = await subscribed();
    const headers = 5 + 9;
    expect(push(recipient, "x".repeat(10_000 - headers + 1))).toEqual({
      unrenderable: "it has 10001 bytes, and 10000 are the most that wait for one agent",
    });
    expect(world.ledger.copies.copies).toBe(0);
    expect(push(recipient, "x".repeat(10_000 - headers))).toBe("taken");
    expect((await peer.message())[1]).toHaveLength(10_000 - headers);
  });

  it("proves nothing once it has ended, and takes nothing then", async () => {
    const { peer, recipient, proved, prove } = await subscribed();
    push(recipient, "hi");
    prove();
    await peer.message();
    const context = await contextOf(peer);
    peer.socket.end(pong(context.subarray(1)));
    await until(() => world.policy.events.includes("subscriber gone"), "gone");
    prove();
    expect([push(recipient, "late"), proved, world.ledger.copies.copies]).toEqual(["closed", [], 1]);
  });

  it("tells who asked once, however often another asks again meanwhile, who is told of its last question", async () => {
    const { peer, recipient, proved, prove } = await subscribed();
    prove();
    const told: string[] = [];
    recipient.prove({}, () => told.push("box"));
    const rooms = {};
    for (let n = 0; n < 1_000; n += 1) recipient.prove(rooms, () => told.push(`rooms ${String(n)}`));
    for (let answers = 0; answers < 2; answers += 1) peer.send(pong(await contextOf(peer)));
    await until(() => told.length > 1, "both are told");
    expect([proved.length, told]).toEqual([1, ["box", "rooms 999"]]);
    await read(peer);
  });

  it("keeps its questions bounded, however many boxes its owner opens and closes meanwhile", async () => {
    await world.listener.stop();
    await start({ zmqNamesMax: 3 });
    const { peer, recipient } = await subscribed();
    const told: number[] = [];
    for (let n = 0; n < 1_000; n += 1) recipient.prove({}, () => told.push(n));
    for (let answers = 0; answers < 2; answers += 1) peer.send(pong(await contextOf(peer)));
    await until(() => told.length > 1, "both are answered");
    expect(told).toEqual([0, ...Array.from({ length: 3 + 16 }, (_, at) => 981 + at)]);
    await read(peer);
  });
});
