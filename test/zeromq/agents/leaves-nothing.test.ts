import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FakeSubscriber } from "../../kit/fake-zmq.js";
import { ZeromqWorld, proved } from "../../kit/zeromq-world.js";

const names = ["ada", "bob", "boss"];
const topics = [...names, "#lab", "#den", "all", "", "news.", "$events", "$broker"];
const step = fc.oneof(
  fc.record({
    do: fc.constant("connect" as const),
    as: fc.constantFrom("inferred", "declared", "proved", "proxy"),
    name: fc.constantFrom(...names),
    topics: fc.subarray(topics),
  }),
  fc.record({
    do: fc.constantFrom("subscribe" as const, "unsubscribe" as const),
    who: fc.nat(),
    topic: fc.constantFrom(...topics),
  }),
  fc.record({ do: fc.constant("kill" as const), who: fc.nat() }),
  fc.record({
    do: fc.constant("send" as const),
    from: fc.constantFrom(...names),
    to: fc.constantFrom(...topics.slice(0, 6), "ghost"),
    type: fc.constantFrom("request", "inform", "response"),
  }),
  fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(1, 60, 1_000, 12_000) }),
);

describe("random comings and goings", () => {
  it("keep both ledgers exact at every step and leave nothing behind", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.constantFrom(0, 3_000), async (steps, startHoldMs) => {
        const world = new ZeromqWorld({ startHoldMs, heldPerNameMax: 3 });
        const empty = new ZeromqWorld({ startHoldMs });
        const here: FakeSubscriber[] = [];
        for (const now of steps) {
          if (now.do === "connect") {
            const facts =
              now.as === "declared"
                ? { declared: now.name }
                : now.as === "proved"
                  ? { principal: proved(now.name) }
                  : now.as === "proxy"
                    ? { socketType: "XSUB" }
                    : {};
            if (now.as !== "declared" || !world.identity.isProtected(now.name))
              here.push(world.subscriber(now.topics, facts));
          } else if (now.do === "send") {
            world.send(world.publisher(), now.from, now.to, now.type, "text");
          } else if (now.do === "wait") {
            world.clock.advance(now.ms);
          } else {
            const peer = here[now.who % Math.max(here.length, 1)];
            if (peer === undefined) continue;
            if (now.do === "kill") {
              here.splice(here.indexOf(peer), 1);
              world.gone(peer);
            } else if (now.do === "subscribe") {
              if (!peer.subscriptions.has(now.topic)) world.subscribe(peer, now.topic);
            } else if (peer.subscriptions.has(now.topic)) {
              world.unsubscribe(peer, now.topic);
            }
          }
          expect(world.isExact).toBe(true);
        }
        for (const peer of here) world.gone(peer);
        world.clock.advance(60_000);
        expect(world.directory.agents()).toEqual([]);
        for (const name of names)
          expect([world.directory.agent(name), world.router.route(name)]).toEqual([undefined, undefined]);
        expect(world.router.observers("ghost")).toEqual([]);
        expect(world.ledger.copies.pending).toBe(0);
        for (const { members } of world.directory.rooms(undefined)) expect(members).toBe(0);
        await world.agents.drain();
        await world.agents.stop();
        await empty.agents.stop();
        world.directory.close();
        empty.directory.close();
        expect(world.clock.waiting).toBe(empty.clock.waiting);
      }),
      { numRuns: 300 },
    );
  });
});
