import { describe, expect, it } from "vitest";
import { Fault, Router } from "../../src/core/index.js";
import { Ear, to, WireEar } from "../kit/router-ears.js";

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

  it("shows a discreet message to taps only where somebody is there whom it is for", () => {
    const router = new Router();
    const [tap, prefix, wire, session] = [new Ear(), new Ear(), new WireEar(), new Ear()];
    router.tap(tap);
    router.subscribePrefix("bob.", prefix);
    const discreet = (topic: string): number => {
      const message = to(topic);
      message.discreet = true;
      return router.publish(message).receivers;
    };
    expect(discreet("bob.1")).toBe(0);
    expect([tap.heard, prefix.heard]).toEqual([[], []]);
    router.subscribe("bob.1", session);
    router.subscribe("bob.2", wire);
    expect([discreet("bob.1"), discreet("bob.2")]).toEqual([1, 1]);
    expect([tap.heard, prefix.heard]).toEqual([
      ["*bob.1", "*bob.2"],
      ["*bob.1", "*bob.2"],
    ]);
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
    const [member, tap, inspector] = [new Ear(), new Ear(), new Ear("", "all")];
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
    const [wire, inspecting, session, tap] = [new WireEar(), new WireEar("", "all"), new Ear(), new Ear()];
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
