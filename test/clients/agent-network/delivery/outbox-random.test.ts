import fc from "fast-check";
import { expect, it } from "vitest";
import { OutboxNetwork } from "../../../kit/outbox-network.js";

type Step =
  | { readonly do: "add"; readonly peer: string; readonly talk: string; readonly plain: boolean }
  | { readonly do: "pass"; readonly fate: Parameters<OutboxNetwork["pass"]>[0] }
  | { readonly do: "hear"; readonly fate: Parameters<OutboxNetwork["hear"]>[0]; readonly at: number }
  | { readonly do: "up" | "cut" | "restart" }
  | { readonly do: "gone" | "come" | "lose keys"; readonly peer: string }
  | { readonly do: "wait"; readonly ms: number };

const peer = fc.constantFrom("bob", "eve", "kim");
const record = <T extends Step["do"], More extends object>(
  word: T,
  more: { [K in keyof More]: fc.Arbitrary<More[K]> },
) => fc.record({ do: fc.constant(word), ...more });
const often = (weight: number, arbitrary: fc.Arbitrary<Step>) => ({ weight, arbitrary });

const step: fc.Arbitrary<Step> = fc.oneof(
  often(
    8,
    record("add", {
      peer,
      talk: fc.constantFrom("one", "two"),
      plain: fc.boolean(),
    }) as fc.Arbitrary<Step>,
  ),
  often(
    12,
    record("pass", {
      fate: fc.constantFrom("passed", "passed", "passed", "lost behind", "twice", "refused", "too fast"),
    }) as fc.Arbitrary<Step>,
  ),
  often(
    12,
    record("hear", {
      fate: fc.constantFrom("heard", "heard", "heard", "lost", "twice"),
      at: fc.nat(3),
    }) as fc.Arbitrary<Step>,
  ),
  often(4, fc.constant<Step>({ do: "up" })),
  often(1, fc.constant<Step>({ do: "cut" })),
  often(1, fc.constant<Step>({ do: "restart" })),
  often(1, record("gone", { peer }) as fc.Arbitrary<Step>),
  often(2, record("come", { peer }) as fc.Arbitrary<Step>),
  often(1, record("lose keys", { peer }) as fc.Arbitrary<Step>),
  often(3, record("wait", { ms: fc.constantFrom(50, 1_000, 5_000, 30_000) }) as fc.Arbitrary<Step>),
);

async function take(network: OutboxNetwork, one: Step): Promise<void> {
  switch (one.do) {
    case "add":
      await network.add(one.peer, one.talk, one.plain);
      break;
    case "pass":
      network.pass(one.fate);
      break;
    case "hear":
      network.hear(one.fate, one.at);
      break;
    case "wait":
      network.world.clock.advance(one.ms);
      break;
    case "gone":
    case "come":
      network[one.do](one.peer);
      break;
    case "lose keys":
      network.peers.get(one.peer)?.restart();
      break;
    case "up":
    case "cut":
    case "restart":
      await network[one.do]();
      break;
  }
}

it("whatever the line, the peers and the process do, each message arrives, in its order, and the books are right", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 300 }), async (steps) => {
      const network = new OutboxNetwork();
      await network.open();
      network.up();
      for (const one of steps) {
        await take(network, one);
        expect(await network.check()).toBeUndefined();
      }
      await network.heal();
      expect(await network.check()).toBeUndefined();
      expect(network.world.outbox.size).toBe(0);
      // A story is too short for eight tries: whatever fails has waited behind a counter that nobody says any more.
      expect([...network.ends.values()].filter((end) => end !== "delivered")).toEqual([]);
      for (const { id, peer: to } of network.added) expect(network.peers.get(to)?.processed.has(id)).toBe(true);
      for (const lane of new Set(network.added.map((one) => one.lane))) {
        const ids = network.added.filter((one) => one.lane === lane).map(({ id }) => id);
        const order = network.peers.get(lane.split(" ")[0] ?? "")?.order.filter((id) => ids.includes(id)) ?? [];
        expect(order).toEqual(ids.filter((id) => order.includes(id)));
      }
      network.world.outbox.close();
      expect(network.world.clock.waiting).toBe(0);
    }),
    { numRuns: 300 },
  );
});
