import { describe, expect, it } from "vitest";
import { Router } from "../../src/core/index.js";
import { Ear, WireEar } from "../kit/router-ears.js";

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

  it("passes as bytes where a tap may not hear it, as if there were none", () => {
    const router = new Router(["prices"]);
    const [wire, watch] = [new WireEar(), new Ear("", "public")];
    for (const topic of ["bob", "ada", "prices", "#general"]) router.subscribe(topic, wire);
    router.tap(watch);
    router.subscribePrefix("b:", watch);
    expect(router.route("bob")?.bytes).toEqual({ wires: [wire], observers: [] });
    expect(router.route("bob")?.bytes).toBe(router.route("ada")?.bytes);
    for (const topic of ["prices", "#general"]) expect(router.route(topic)?.bytes).toBeUndefined();
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
