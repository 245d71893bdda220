import { describe, expect, it } from "vitest";
import { FakeClock } from "../../src/conformance/fake-clock.js";
import { Exchange, Fault, Ledger, Router, type Keeper, type Message, type Subscriber } from "../../src/core/index.js";
import { Ear, to, WireEar } from "../kit/router-ears.js";

/** A keeper that says what it is told, and writes down what happens. */
function keeperThat(says: "kept" | "held" | "passes" | Fault): Keeper & {
  readonly taken: Message[];
  readonly here: Set<Subscriber>;
} {
  const taken: Message[] = [];
  const here = new Set<Subscriber>();
  return {
    taken,
    here,
    keep(message) {
      if (says instanceof Fault) throw says;
      taken.push(message);
      return says;
    },
    arrived: (subscriber) => here.add(subscriber),
    left: (subscriber) => here.delete(subscriber),
  };
}

function world() {
  const router = new Router();
  const ledger = new Ledger();
  const exchange = new Exchange(router, ledger, new FakeClock(), () => "id");
  const submit = (topic: string) => {
    ledger.messages.accepted += 1;
    return exchange.submit(to(topic));
  };
  return { router, ledger, exchange, submit };
}

describe("a keeper of a topic", () => {
  it("takes its messages instead of those who subscribe, taps excepted, and they count as stored", () => {
    const { router, ledger, submit } = world();
    const [member, wire, tap] = [new Ear(), new WireEar(), new Ear()];
    router.subscribe("a", member);
    router.subscribe("a", wire);
    router.tap(tap);
    const keeper = keeperThat("kept");
    router.keep("a", keeper);
    expect(submit("a")).toEqual({ receivers: 0, stored: true });
    expect([member.heard, wire.heard, tap.heard]).toEqual([[], [], ["*a"]]);
    expect(keeper.taken).toHaveLength(1);
    expect(ledger.messages).toMatchObject({ accepted: 1, stored: 1, routed: 0 });
  });

  it("may hold them: then nobody hears them, taps included, until they are released", () => {
    const { router, exchange, submit } = world();
    const [member, tap] = [new Ear(), new Ear()];
    const full = { deliver: (message: Message) => (message.lose("full", "it does not read"), true) };
    const own = { deliver: () => false };
    for (const one of [member, full, own]) router.subscribe("#a", one);
    router.tap(tap);
    const keeper = keeperThat("held");
    router.keep("#a", keeper);
    submit("#a");
    expect([member.heard, tap.heard]).toEqual([[], []]);
    const heard: [Subscriber, boolean][] = [];
    for (const message of keeper.taken) exchange.release(message, (...one) => heard.push(one));
    expect([member.heard, tap.heard]).toEqual([["#a"], ["*#a"]]);
    expect(heard).toEqual([
      [member, false],
      [full, true],
    ]);
  });

  it("may let them pass, and refuse them: then they are counted as refused and nobody hears them", () => {
    const { router, ledger, exchange, submit } = world();
    const member = new Ear();
    router.subscribe("a", member);
    const end = router.keep("a", keeperThat("passes"));
    expect(submit("a")).toEqual({ receivers: 1, stored: false });
    end();
    router.keep("a", keeperThat(new Fault("full", "as much waits as can")));
    expect(() => submit("a")).toThrow("as much waits");
    expect(exchange.announce("a", { type: "inform", content: { message: "x" } })).toMatchObject({ receivers: 0 });
    expect(member.heard).toEqual(["a"]);
    expect(ledger.messages).toMatchObject({ accepted: 3, routed: 1, refused: 2, stored: 0 });
    expect(ledger.reasons).toEqual({ "mailbox-full": 2 });
  });

  it("is told who subscribes, those before it included, and who no longer does", () => {
    const { router } = world();
    const [before, after] = [new Ear(), new Ear()];
    const stop = router.subscribe("a", before);
    const keeper = keeperThat("kept");
    router.keep("a", keeper);
    router.subscribe("a", after);
    expect([...keeper.here]).toEqual([before, after]);
    stop();
    expect([...keeper.here]).toEqual([after]);
  });

  it("lets no message of its topic pass as bytes, and holds the route though nobody subscribes", () => {
    const { router } = world();
    const stop = router.subscribe("a", new WireEar());
    const end = router.keep("a", keeperThat("kept"));
    expect(router.route("a")?.bytes).toBeUndefined();
    stop();
    expect(router.route("a")).toBeDefined();
    end();
    expect(router.size).toBe(0);
    router.subscribe("a", new WireEar());
    expect(router.route("a")?.bytes).toBeDefined();
  });

  it("may be wrong about a message that it took: it is refused after all, and the sums stay right", () => {
    const { router, ledger, exchange, submit } = world();
    router.keep("a", keeperThat("held"));
    submit("a");
    submit("a");
    exchange.unstore(2, new Fault("unavailable", "the disk is full"));
    expect(ledger.messages).toMatchObject({ accepted: 2, stored: 0, refused: 2 });
    expect(ledger.reasons).toEqual({ "room-log-unavailable": 2 });
  });
});
