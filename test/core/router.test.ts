import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Fault, Message, Router, type Envelope, type Subscriber, type WireSubscriber } from "../../src/core/index.js";

/** Notes every topic it hears, with a star for what it observes only. */
class Ear implements Subscriber {
  readonly heard: string[] = [];
  readonly inspects: boolean;
  readonly name: string;

  constructor(name = "", inspects = false) {
    this.name = name;
    this.inspects = inspects;
  }

  deliver(message: Message, observed: boolean): boolean {
    this.heard.push(`${observed ? "*" : ""}${message.topic}`);
    return true;
  }
}

/** The same for a ZeroMQ peer. */
class WireEar extends Ear implements WireSubscriber {
  forward(): void {
    throw new Error("the router hands over messages, not bytes");
  }
}

function to(topic: string): Message {
  const envelope: Envelope = {
    message_id: "1",
    timestamp: "",
    from: "x",
    to: topic,
    type: "inform",
    priority: "NORMAL",
    content: { message: "" },
  };
  return Message.of(envelope, { topic, receivedAt: 0, trust: "claimed", origin: {} });
}

describe("the router", () => {
  it("knows names exactly: claude never hears what is for claude_code", () => {
    const router = new Router();
    const [claude, code] = [new Ear(), new WireEar()];
    router.subscribe("claude", claude);
    router.subscribe("claude_code", code);
    expect(router.publish(to("claude_code")).receivers).toBe(1);
    expect([claude.heard, code.heard]).toEqual([[], ["claude_code"]]);
    expect(router.publish(to("claud")).receivers).toBe(0);
  });

  it("numbers messages, rising, and counts only those who take them as receivers", () => {
    const router = new Router();
    router.subscribe("a", { deliver: () => false });
    router.subscribe("a", new Ear());
    router.tap(new Ear());
    const [one, two] = [to("a"), to("a")];
    expect(router.publish(one)).toEqual({ receivers: 1, stored: false });
    router.publish(two);
    expect(two.sequence).toBeGreaterThan(one.sequence);
  });

  it("matches prefixes at their delimiter, and taps everything, as observers", () => {
    const router = new Router();
    const [prefix, tap] = [new Ear(), new Ear()];
    router.subscribePrefix("prices/", prefix);
    router.tap(tap);
    for (const topic of ["prices", "prices/", "prices/eth", "prices/eth/usd", "pricesX/y"])
      expect(router.publish(to(topic)).receivers).toBe(0);
    expect(prefix.heard).toEqual(["*prices/", "*prices/eth", "*prices/eth/usd"]);
    expect(tap.heard).toHaveLength(5);
  });

  it("gives one copy to a subscriber that hears a topic in several ways, and the exact one counts", () => {
    const router = new Router();
    const ear = new WireEar();
    router.subscribePrefix("a.", ear);
    router.subscribePrefix("a.b.", ear);
    router.tap(ear);
    router.publish(to("a.b.c"));
    const off = router.subscribe("a.b.c", ear);
    router.publish(to("a.b.c"));
    off();
    router.publish(to("a.b.c"));
    expect(ear.heard).toEqual(["*a.b.c", "a.b.c", "*a.b.c"]);
  });

  it("ends a subscription once, however often it is told", () => {
    const router = new Router();
    const [one, two] = [new Ear(), new Ear()];
    const off = router.subscribe("a", one);
    off();
    router.subscribe("a", two);
    router.subscribe("a", one);
    off();
    router.publish(to("a"));
    expect([one.heard, two.heard]).toEqual([["a"], ["a"]]);
  });

  it("ends one of two equal subscriptions, however often it is told", () => {
    const router = new Router();
    const [exact, wire, prefix, tap] = [new Ear(), new WireEar(), new Ear(), new Ear()];
    const twice = [
      () => router.subscribe("a.b", exact),
      () => router.subscribe("a.b", wire),
      () => router.subscribePrefix("a.", prefix),
      () => router.tap(tap),
    ];
    for (const subscribe of twice) {
      const end = subscribe();
      subscribe();
      end();
      end();
    }
    router.publish(to("a.b"));
    expect([exact, wire, prefix, tap].map(({ heard }) => heard.length)).toEqual([1, 1, 1, 1]);
  });

  it("keeps a new subscription when a guard of the topic's former subscribers ends late", () => {
    const router = new Router();
    const ear = new Ear();
    const [end, late] = [router.guard("#r", () => undefined), router.guard("#r", () => undefined)];
    end();
    router.subscribe("#r", ear);
    late();
    router.publish(to("#r"));
    expect([ear.heard, router.size]).toEqual([["#r"], 1]);
  });

  it("shows a tap a message before what a reader answers to it at once", () => {
    const router = new Router();
    const tap = new Ear();
    router.subscribe("$broker", {
      deliver: () => {
        router.publish(to("asker"));
        return true;
      },
    });
    router.tap(tap);
    router.publish(to("$broker"));
    expect(tap.heard).toEqual(["*$broker", "*asker"]);
  });

  it("shows guarded topics only to observers that may inspect", () => {
    const router = new Router();
    const [member, tap, inspector] = [new Ear(), new Ear(), new Ear("", true)];
    router.tap(tap);
    router.tap(inspector);
    const fault = new Fault("forbidden", "no");
    const off = router.guard("#secret", () => fault);
    expect(router.route("#secret")?.guard?.(to("#secret"))).toBe(fault);
    router.publish(to("#secret"));
    router.subscribe("#secret", member);
    router.publish(to("#secret"));
    expect([member.heard, tap.heard, inspector.heard]).toEqual([["#secret"], [], ["*#secret", "*#secret"]]);
    off();
    router.publish(to("#secret"));
    expect(tap.heard).toEqual(["*#secret"]);
  });

  it("keeps events that are hidden from taps and ZeroMQ peers without the right; sessions filter for themselves", () => {
    const router = new Router();
    const [wire, inspecting, session, tap] = [new WireEar(), new WireEar("", true), new Ear(), new Ear()];
    for (const ear of [wire, inspecting, session]) router.subscribe("$events", ear);
    router.tap(tap);
    const hidden = to("$events");
    hidden.hidden = true;
    expect(router.publish(hidden).receivers).toBe(2);
    router.publish(to("$events"));
    expect([wire.heard.length, inspecting.heard.length, session.heard.length, tap.heard.length]).toEqual([1, 2, 2, 1]);
    const invitation = to("bob");
    invitation.hidden = true;
    const bob = new WireEar();
    router.subscribe("bob", bob);
    expect(router.publish(invitation).receivers).toBe(1);
  });

  it("goes on with the list it began with when a subscriber leaves or comes while it delivers", () => {
    const router = new Router();
    const late = new Ear();
    const offs: (() => void)[] = [];
    for (let n = 0; n < 3; n += 1) {
      offs.push(
        router.subscribe("a", {
          deliver: () => {
            for (const off of offs) off();
            router.subscribe("a", late);
            return true;
          },
        }),
      );
    }
    expect(router.publish(to("a")).receivers).toBe(3);
    expect(late.heard).toEqual([]);
  });
});

const topics = ["a", "a.", "a.b", "a.b.", "a.b.c", "a/b", "ab", "#r", "b:c"] as const;
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
        const router = new Router();
        // Every second ear is a ZeroMQ peer, every third may inspect.
        const ears = Array.from({ length: 6 }, (_, n) =>
          n % 2 === 0 ? new WireEar(String(n), n % 3 === 0) : new Ear(String(n), n % 3 === 0),
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
    return observes && (!hidden || ear.inspects) ? [`${ear.name} *${topic}`] : [];
  });
}

describe("a route that somebody holds", () => {
  it("is as it is now once it is asked for, after taps and prefixes came and went", () => {
    const router = new Router();
    const [wire, tap] = [new WireEar(), new WireEar()];
    router.subscribe("bob", wire);
    const held = router.route("bob");
    if (held === undefined) expect.fail("there is no route");
    const untap = router.tap(tap);
    expect(router.fresh(held).bytes).toEqual({ wires: [wire], observers: [tap] });
    const stop = router.subscribePrefix("b:", tap);
    untap();
    expect(router.fresh(held).bytes).toEqual({ wires: [wire], observers: [] });
    router.tap(new Ear());
    expect(router.fresh(held).bytes).toBeUndefined();
    stop();
  });

  it("knows nothing of a tap or a prefix that has ended, whatever came in its place", () => {
    const router = new Router();
    const [wire, other] = [new WireEar(), new WireEar()];
    router.subscribe("b:ob", wire);
    const held = router.route("b:ob");
    if (held === undefined) expect.fail("there is no route");
    const observers = (): unknown => router.fresh(held).bytes?.observers;
    for (const watch of [() => router.tap(other), () => router.subscribePrefix("b:", other)]) {
      const end = watch();
      expect(observers()).toEqual([other]);
      end();
      expect(observers()).toEqual([]);
      const [first, second] = [watch(), new WireEar()];
      expect(observers()).toEqual([other]);
      first();
      const untap = router.tap(second);
      expect(observers()).toEqual([second]);
      untap();
    }
  });

  it("is live until its last subscriber and its guard have left, and itself after that", () => {
    const router = new Router();
    const offs = [
      router.subscribe("#r", new WireEar()),
      router.subscribe("#r", new Ear()),
      router.guard("#r", () => undefined),
    ];
    const held = router.route("#r");
    if (held === undefined) expect.fail("there is no route");
    for (const off of offs) {
      expect([held.live, router.route("#r")]).toEqual([true, held]);
      off();
    }
    expect([held.live, router.route("#r")]).toEqual([false, undefined]);
    router.tap(new Ear());
    expect(router.fresh(held)).toBe(held);
  });

  it("passes bytes to every ZeroMQ subscriber, and none where a session reads or a guard asks", () => {
    const router = new Router();
    const wires = [new WireEar(), new WireEar()];
    for (const wire of wires) router.subscribe("a", wire);
    const held = router.route("a");
    expect(held?.bytes).toEqual({ wires, observers: [] });
    for (const close of [() => router.subscribe("a", new Ear()), () => router.guard("a", () => undefined)]) {
      const end = close();
      expect(held?.bytes).toBeUndefined();
      end();
      expect(held?.bytes).toEqual({ wires, observers: [] });
    }
  });

  it("shares one list with the other topics of its only subscriber", () => {
    const router = new Router();
    const [wire, other] = [new WireEar(), new WireEar()];
    for (const topic of ["a", "b", "c"]) router.subscribe(topic, wire);
    router.subscribe("c", other);
    expect(router.route("a")?.bytes).toBe(router.route("b")?.bytes);
    expect(router.route("c")?.bytes).toEqual({ wires: [wire, other], observers: [] });
  });

  it("is not needed to know the taps: without prefixes their list is told as it is, not copied", () => {
    const router = new Router();
    const [tap, prefix] = [new Ear(), new Ear()];
    router.tap(tap);
    router.subscribePrefix("a.", prefix)();
    expect(router.observers("a.b")).toEqual([tap]);
    expect(router.observers("a.b")).toBe(router.observers("x"));
  });

  it("costs nothing while taps come and go: nothing is worked out before it is asked for", () => {
    const router = new Router();
    for (let n = 0; n < 5_000; n += 1) router.subscribe(`room-${n}`, new WireEar());
    const held = router.route("room-0");
    const before = held?.bytes;
    for (let n = 0; n < 5_000; n += 1) router.tap(new Ear())();
    expect(held?.bytes).toBe(before);
  });
});
