import { createConnection, createServer, type AddressInfo, type Server } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import * as zmq from "zeromq";
import { LoopClock, Message, type Pushed, type Recipient } from "../../src/core/index.js";
import { eventually } from "../kit/broker.js";
import { startProgram, type Program } from "../kit/cli.js";
import { standStill } from "../kit/stand-still.js";
import { WsWorld, type Accepted } from "../kit/ws-world.js";
import { isExact, startWorld, type World, type WorldOptions } from "../zeromq/wire/world.js";

const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A Python client that reads when it is told to. */
class Unread {
  readonly program: Program;

  constructor(...args: readonly string[]) {
    this.program = startProgram("/usr/bin/python3", ["test/interop/unread.py", ...args], {}, "pipe");
    ends.push(() => this.program.stop("SIGKILL"));
  }

  here(): Promise<string> {
    return this.program.prints(/here/);
  }

  /** Reads so many more; resolves when the last one was `last`, the one of this number. */
  async read(count: number, last: string, number: number): Promise<void> {
    this.program.process.stdin?.write(`${String(count)}\n`);
    await this.program.prints(new RegExp(`^${last} ${String(number)}$`, "m"));
  }
}

/** Nothing happens for so long, by the machine's clock. */
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
/** This process stands still. */
const blockLoop = (ms: number): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
};

describe("what is handed over to python-websockets", () => {
  async function connected(limits: ConstructorParameters<typeof WsWorld>[0]): Promise<{
    world: WsWorld;
    client: Unread;
    accepted: Accepted;
  }> {
    const world = new WsWorld(limits);
    await world.edge.start();
    ends.push(() => world.stop());
    const client = new Unread("ws", `${world.url}/pan`);
    await client.here();
    const [accepted] = world.accepted;
    if (accepted === undefined) throw new Error("nobody came");
    accepted.connection.admitted();
    return { world, client, accepted };
  }

  it("is not proved while 40 messages are unread, is not cut for it, and each is heard once", async () => {
    const { world, client, accepted } = await connected({ wsPingMs: 50, provingMs: 60_000 });
    for (let n = 0; n < 40; n += 1) expect(accepted.connection.offer(`text ${String(n)}`)).toBe("taken");
    const proved: number[] = [];
    accepted.connection.prove({}, (tookMs) => proved.push(tookMs));
    await eventually(() => world.ledger.copies.written === 40, "the system has it");
    await pause(1_000);
    expect([proved, world.ledger.reasons]).toEqual([[], {}]);
    await client.read(40, "text 39", 40);
    await eventually(() => proved.length === 1, "the proof");
    expect(proved[0]).toBeGreaterThan(900);
  });

  it("is never proved if it is killed before it reads", async () => {
    const { client, accepted } = await connected({});
    for (let n = 0; n < 40; n += 1) accepted.connection.offer(`text ${String(n)}`);
    const proved: number[] = [];
    accepted.connection.prove({}, (tookMs) => proved.push(tookMs));
    await pause(200);
    client.program.process.kill("SIGKILL");
    expect((await accepted.closed).code).toBe(1006);
    expect(proved).toEqual([]);
  });
});

/** A line that remembers what passes, as Latin-1: from the broker, to the broker. */
async function overheard(url: string): Promise<{ url: string; from: () => string; to: () => string }> {
  const passed = { from: "", to: "" };
  const server: Server = createServer((near) => {
    const far = createConnection({ host: "127.0.0.1", port: Number(new URL(url).port) });
    for (const socket of [near, far]) socket.on("error", () => socket.destroy());
    far.on("data", (chunk: Buffer) => (passed.from += chunk.toString("latin1")));
    near.on("data", (chunk: Buffer) => (passed.to += chunk.toString("latin1")));
    near.pipe(far).pipe(near);
    ends.push(() => near.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ends.push(() => server.close());
  const { port } = server.address() as AddressInfo;
  return { url: `tcp://127.0.0.1:${String(port)}`, from: () => passed.from, to: () => passed.to };
}

describe("what is handed over to libzmq", () => {
  let world: World;
  const start = async (options: WorldOptions = {}): Promise<void> => {
    world = await startWorld(options);
    ends.push(() => {
      expect(isExact(world.ledger)).toBe(true);
      return world.listener.stop();
    });
  };
  const recipient = async (): Promise<Recipient> => {
    await eventually(() => world.router.route("bob") !== undefined, "the subscription");
    const found = world.router.route("bob")?.wires[0]?.recipient;
    if (found === undefined) throw new Error("no recipient");
    return found;
  };
  const push = (to: Recipient, text: string): Pushed =>
    to.push(Message.ofWritten(Buffer.from(text), { topic: "bob", receivedAt: 0, trust: "claimed", origin: undefined }));

  it.each(["pyzmq", "zeromq.js"])("(%s) is proved by a PONG that carries the context of our PING", async (library) => {
    await start();
    const line = await overheard(world.outUrl);
    let heard: () => Promise<unknown>;
    if (library === "pyzmq") {
      const client = new Unread("zmq", line.url, "bob", "1000");
      heard = () => client.read(2, "two", 2);
    } else {
      const sub = new zmq.Subscriber({ linger: 0 });
      ends.push(() => {
        sub.close();
      });
      sub.connect(line.url);
      sub.subscribe("bob");
      heard = async () => {
        const texts = [(await sub.receive())[1]?.toString(), (await sub.receive())[1]?.toString()];
        expect(texts).toEqual(["one", "two"]);
      };
    }
    const to = await recipient();
    expect(to.canProve).toBe(true);
    for (const text of ["one", "two"]) expect(push(to, text)).toBe("taken");
    await new Promise<void>((resolve) => {
      to.prove({}, () => {
        resolve();
      });
    });
    await heard();
    const asked = /PING\0\0([^]{8})/.exec(line.from())?.[1] ?? "no PING";
    expect(line.to()).toContain(`\x04PONG${asked}`);
  });

  it("is proved though nothing of it is read: its I/O thread answers (LIMITS: take mode is the cure)", async () => {
    await start();
    const client = new Unread("zmq", world.outUrl, "bob", "1000");
    const to = await recipient();
    for (let n = 0; n < 900; n += 1) push(to, `text ${String(n)}`);
    await new Promise<void>((resolve) => {
      to.prove({}, () => {
        resolve();
      });
    });
    await client.read(900, "text 899", 900);
  });

  it("is not proved while its queues are full, is not cut for it, and each is heard once", async () => {
    await start({ limits: { zmqPingMs: 50, zmqSilenceMs: 200, provingMs: 60_000 } });
    const client = new Unread("zmq", world.outUrl, "bob", "10");
    const to = await recipient();
    const proved: number[] = [];
    const prove = (): void => {
      to.prove({}, (tookMs) => proved.push(tookMs));
    };
    prove();
    await eventually(() => proved.length === 1, "it answers while it has room");
    const large = "x".repeat(1_000);
    for (let n = 0; n < 200; n += 1) expect(push(to, `text ${String(n)} ${large}`)).toBe("taken");
    prove();
    await eventually(() => world.ledger.copies.pending === 0, "the system has it");
    await pause(1_500);
    expect([proved.length, world.ledger.reasons["zmtp-silent"]]).toEqual([1, undefined]);
    await client.read(200, "text 199 x+", 200);
    await eventually(() => proved.length === 2, "the proof");
  });

  it("is never proved if it is killed before it answers", async () => {
    await start();
    const client = new Unread("zmq", world.outUrl, "bob", "1000");
    const to = await recipient();
    await standStill(client.program.process.pid ?? 0);
    const proved: number[] = [];
    push(to, "one");
    to.prove({}, (tookMs) => proved.push(tookMs));
    await eventually(() => world.ledger.copies.written === 1, "the system has it");
    await pause(200);
    client.program.process.kill("SIGKILL");
    await eventually(() => world.policy.events.includes("subscriber gone"), "gone");
    expect([proved, push(to, "two")]).toEqual([[], "closed"]);
  });

  it("is proved, and its line not cut, when our loop stood still for longer than anybody may be silent", async () => {
    await start({ clock: new LoopClock(), limits: { zmqPingMs: 10_000, zmqSilenceMs: 600, provingMs: 700 } });
    new Unread("zmq", world.outUrl, "bob", "1000");
    const to = await recipient();
    const proved: number[] = [];
    for (let round = 1; round <= 2; round += 1) {
      push(to, "text");
      to.prove({}, (tookMs) => proved.push(tookMs));
      world.flusher.flush();
      // Its answer comes meanwhile, and lies in the socket.
      if (round === 2) blockLoop(2_000);
      await eventually(() => proved.length === round, "the proof");
    }
    expect(world.ledger.reasons["zmtp-silent"]).toBeUndefined();
  });
});
