import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Router } from "../../src/core/index.js";
import { Ear, to, WireEar } from "../kit/router-ears.js";

const topics = ["a", "a.", "a.b", "a.b.", "a.b.c", "a/b", "ab", "#r", "b:c", "all", "$broker"] as const;
const dataTopics: readonly string[] = ["a.b.c", "ab"];
/** Those that are for one agent, or for the broker. */
const direct: readonly string[] = ["a", "a.b", "a/b", "b:c", "$broker"];
const sights = ["all", "public", "direct"] as const;
const prefixes = ["a.", "a.b.", "a/", "b:"] as const;
const earNumber = fc.nat(5);
const action = fc.oneof(
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("subscribe" as const), ear: earNumber, on: fc.constantFrom(...topics) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("prefix" as const), ear: earNumber, on: fc.constantFrom(...prefixes) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("tap" as const), ear: earNumber, on: fc.constant("") }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("guard" as const), ear: fc.constant(-1), on: fc.constant("#r") }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("end" as const), n: fc.nat(30) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("publish" as const), topic: fc.constantFrom(...topics) }),
  },
);

interface Held {
  readonly do: "subscribe" | "prefix" | "tap" | "guard";
  readonly ear: number;
  readonly on: string;
  readonly off: () => void;
}

describe("any subscribing and unsubscribing", () => {
  it("agrees with a matcher that looks at every subscription, and leaves nothing behind", () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 80 }), (actions) => {
        const router = new Router(dataTopics);
        // Every second ear is a ZeroMQ peer, and each third of them hears as much as a tap.
        const ears = Array.from({ length: 6 }, (_, n) =>
          n % 2 === 0 ? new WireEar(String(n), sights[n % 3]) : new Ear(String(n), sights[n % 3]),
        );
        let held: Held[] = [];
        for (const now of actions) {
          if (now.do === "end") {
            const ended = held[now.n % held.length];
            ended?.off();
            held = held.filter((one) => one !== ended);
          } else if (now.do === "publish") {
            expect(hears(router, ears, now.topic)).toEqual(expected(held, ears, now.topic));
          } else if (!held.some((other) => other.do === now.do && other.ear === now.ear && other.on === now.on)) {
            const ear = ears[now.ear];
            const off =
              now.do === "guard"
                ? router.guard(now.on, () => undefined)
                : ear === undefined
                  ? () => undefined
                  : now.do === "subscribe"
                    ? router.subscribe(now.on, ear)
                    : now.do === "prefix"
                      ? router.subscribePrefix(now.on, ear)
                      : router.tap(ear);
            held.push({ ...now, off });
          }
          expect(router.size).toBe(
            new Set(held.filter((one) => one.do === "subscribe" || one.do === "guard").map(({ on }) => on)).size,
          );
        }
        for (const topic of topics) expect(hears(router, ears, topic)).toEqual(expected(held, ears, topic));
        for (const { off } of held) off();
        expect(router.size).toBe(0);
        for (const topic of topics) expect(hears(router, ears, topic)).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });
});

/** Who hears a message to `topic`, as `number topic`, in order of number. */
function hears(router: Router, ears: readonly Ear[], topic: string): string[] {
  for (const ear of ears) ear.heard.length = 0;
  router.publish(to(topic));
  return ears.flatMap((ear) => ear.heard.map((heard) => `${ear.name} ${heard}`));
}

/** The same, by the definition. */
function expected(held: readonly Held[], ears: readonly Ear[], topic: string): string[] {
  const hidden = held.some((one) => one.do === "guard" && one.on === topic);
  return ears.flatMap((ear, number) => {
    const own = held.filter((one) => one.ear === number);
    if (own.some((one) => one.do === "subscribe" && one.on === topic)) return [`${ear.name} ${topic}`];
    const observes = own.some((one) => one.do === "tap" || (one.do === "prefix" && topic.startsWith(one.on)));
    const may = hidden ? ear.sight === "all" : ear.sight !== "public" || !direct.includes(topic);
    return observes && may ? [`${ear.name} *${topic}`] : [];
  });
}
