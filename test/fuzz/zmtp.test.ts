import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { encodeCommand } from "../../src/zeromq/wire/commands.js";
import { greeting, message, RawPeer, ready, subscribe } from "../zeromq/wire/raw-peer.js";
import { isExact, startWorld, until, type World } from "../zeromq/wire/world.js";

const bytes = (maxLength: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));
const topic = fc.constantFrom("bob", "", "$events", "\u0000", "zoë");

/** What a client may say after its greeting, sane and insane. */
const saying = fc.oneof(
  fc.constantFrom(
    ready("PUB"),
    ready("SUB"),
    ready("XPUB", { "X-Agent": "eve" }),
    ready("ROUTER"),
    ready("SUB", {}, "INITIATE"),
  ),
  fc.tuple(topic, bytes(400)).map(([to, body]) => message(to, body)),
  fc.array(bytes(50), { minLength: 1, maxLength: 5 }).map((parts) => message(...parts)),
  topic.map(subscribe),
  fc
    .tuple(fc.constantFrom("PING", "PONG", "SUBSCRIBE", "CANCEL", "HELLO", "ERROR", "X"), bytes(30))
    .map(([name, data]) => encodeCommand(name, data)),
  bytes(60),
);
const opening = fc.oneof(
  { weight: 8, arbitrary: fc.constant(greeting("NULL")) },
  fc.constant(greeting("PLAIN")),
  fc.constant(greeting("NULL", { major: 2 })),
  bytes(80),
);
const introduction = fc.oneof(
  { weight: 6, arbitrary: fc.constant([ready("PUB")]) },
  { weight: 6, arbitrary: fc.constant([ready("SUB")]) },
  fc.constant([]),
);
const client = fc.record({
  door: fc.constantFrom("in" as const, "out" as const),
  opening,
  introduction,
  says: fc.array(saying, { maxLength: 8 }),
  cutAt: fc.nat(),
});

describe("clients that say anything", () => {
  let world: World;
  let bob: RawPeer;
  let alice: RawPeer;

  beforeEach(async () => {
    world = await startWorld({ limits: { zmqHoldMs: 1_000, zmqHandshakeMs: 1_000 } });
    bob = await RawPeer.open(world.outUrl, "SUB");
    bob.send(subscribe("bob"));
    alice = await RawPeer.open(world.inUrl, "PUB");
    await until(() => world.router.route("bob") !== undefined, "the subscription");
  });

  afterEach(async () => {
    bob.close();
    alice.close();
    await world.listener.stop();
  });

  it("never stop the listener, never reach anybody else but with messages, and leave nothing behind", async () => {
    let round = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(client, { minLength: 1, maxLength: 4 }), async (clients) => {
        round += 1;
        const peers = await Promise.all(
          clients.map(async ({ door, opening: first, introduction: second, says, cutAt }) => {
            const peer = await RawPeer.connect(door === "in" ? world.inUrl : world.outUrl);
            const all = Buffer.concat([first, ...second, ...says]);
            const at = all.length === 0 ? 0 : cutAt % all.length;
            peer.send(all.subarray(0, at));
            peer.send(all.subarray(at));
            return peer;
          }),
        );
        alice.send(message("bob", `round ${round}`));
        for (;;) {
          const parts = await bob.message();
          expect(parts).toHaveLength(2);
          expect(parts[0]).toBe("bob");
          if (parts[1] === `round ${round}`) break;
        }
        for (const peer of peers) peer.close();
        await Promise.all(peers.map(({ closed }) => closed));
        expect(isExact(world.ledger)).toBe(true);
      }),
      { seed: 8, numRuns: 300 },
    );
    await until(() => world.listener.connections().length === 2, "only bob and alice are left");
    expect(world.logged.filter(({ event }) => event === "zeromq connection failed")).toEqual([]);
    expect(world.router.size).toBe(1);
    expect(Object.keys(world.ledger.reasons).length).toBeGreaterThan(8);
  });
});
