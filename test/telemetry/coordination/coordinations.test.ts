import { beforeEach, describe, expect, it } from "vitest";
import { FakeClock } from "../../../src/conformance/fake-clock.js";
import { Ledger } from "../../../src/core/index.js";
import { Coordinations } from "../../../src/telemetry/coordination/index.js";
import type { CoordinationEvent } from "../../../src/telemetry/telemetry.js";
import { faultOf } from "../../kit/fault-of.js";

const limits = { coordinationsMax: 3, coordinationsPerAgentMax: 2, coordinationMaxBytes: 1_024 };
const begin = (coordinationId: string, more: object = {}): object => ({ coordinationId, pattern: "AUCTION", ...more });
const step = (coordinationId: string, more: object = {}): object => ({
  coordinationId,
  progress: 0.5,
  status: "BIDDING",
  ...more,
});

describe("coordinations that agents announce", () => {
  let clock: FakeClock;
  let ledger: Ledger;
  let known: Coordinations;
  let told: CoordinationEvent[];
  beforeEach(() => {
    [clock, ledger, told] = [new FakeClock(), new Ledger(), []];
    known = new Coordinations({ clock, ledger, limits, isHidden: (agent) => agent === "secret" });
    known.listen((event) => void told.push(event));
  });
  const begins = (from: string, payload: unknown): void => {
    known.announce("coordination.initiated", from, payload);
  };
  const goesOn = (from: string, payload: unknown): void => {
    known.announce("coordination.progress", from, payload);
  };
  const refused = (says: typeof begins, from: string, payload: unknown): string =>
    faultOf(() => {
      says(from, payload);
    }).code;

  it("are told with all that was said of them, and who began them", () => {
    const parameters = { reserve: 3, proposal: { type: "sale" } };
    begins("ada", begin("c1", { parameters, extra: [1] }));
    goesOn("ada", step("c1", { bids: { bob: 2 } }));
    expect(told).toEqual([
      {
        type: "coordination.initiated",
        payload: { coordinationId: "c1", pattern: "AUCTION", parameters, extra: [1], initiator: { id: "ada" } },
        at: clock.now(),
        hidden: false,
      },
      {
        type: "coordination.progress",
        payload: { coordinationId: "c1", pattern: "AUCTION", progress: 0.5, status: "BIDDING", bids: { bob: 2 } },
        at: clock.now(),
        hidden: false,
      },
    ]);
    expect(known.events()).toEqual(told);
    expect(known.of("c1")).toEqual(told);
    expect(known.of("c2")).toBeUndefined();
  });

  it("are hidden, and all that is said of them, once one has named who is listed to contacts only", () => {
    begins("ada", begin("c1", { participants: [{ id: "secret", role: "voter" }] }));
    goesOn("ada", step("c1"));
    begins("secret", begin("c2"));
    begins("ada", begin("c3"));
    goesOn("ada", step("c3", { votes: { secret: { vote: "approve" } } }));
    goesOn("ada", step("c3"));
    expect(told.map(({ payload, hidden }) => [payload["coordinationId"], hidden])).toEqual([
      ["c1", true],
      ["c1", true],
      ["c2", true],
      ["c3", false],
      ["c3", true],
      ["c3", true],
    ]);
    expect(known.events().every(({ hidden }) => hidden)).toBe(true);
  });

  it("keep a field with a name of JavaScript's", () => {
    const votes: unknown = JSON.parse('{"__proto__":{"vote":"approve"}}');
    begins("ada", begin("c1"));
    goesOn("ada", step("c1", { votes }));
    expect(JSON.stringify(known.of("c1")?.[1]?.payload)).toContain('"votes":{"__proto__":{"vote":"approve"}}');
  });

  it.each([
    ["no object", null, "malformed"],
    ["nothing", undefined, "malformed"],
    ["no id", { pattern: "AUCTION" }, "malformed"],
    ["an id that is long", begin("x".repeat(129)), "malformed"],
    ["an id that clears a terminal", begin("\u001b[2J"), "malformed"],
    ["a pattern in lower case", { coordinationId: "c", pattern: "auction" }, "malformed"],
    ["participants that are none", begin("c", { participants: [{ id: "bob" }] }), "malformed"],
    ["somebody else's", begin("c", { initiator: { id: "eve" } }), "forbidden"],
    ["more than may be said", begin("c", { parameters: { text: "x".repeat(1_024) } }), "too-large"],
  ])("are refused with %s", (_what, payload, code) => {
    expect(refused(begins, "ada", payload)).toBe(code);
    expect(known.events()).toEqual([]);
  });

  it("go on by the word of who began them alone", () => {
    begins("ada", begin("c1"));
    known.begin("bob", { coordinationId: "run", pattern: "CONSENSUS" });
    told = [];
    expect(refused(goesOn, "eve", step("c1"))).toBe("forbidden");
    expect(refused(goesOn, "bob", step("run"))).toBe("forbidden");
    expect(refused(goesOn, "ada", step("none"))).toBe("not-found");
    expect(refused(begins, "eve", begin("c1"))).toBe("conflict");
    expect(refused(begins, "bob", begin("run"))).toBe("conflict");
    for (const progress of [-0.1, 1.1, NaN, "half", undefined])
      expect(refused(goesOn, "ada", step("c1", { progress }))).toBe("malformed");
    expect(told).toEqual([]);
  });

  it("are over by their last word, and the last 100 stay known", () => {
    for (let n = 0; n < 101; n += 1) {
      begins("ada", begin(`c${n}`));
      goesOn("ada", step(`c${n}`, n % 2 === 0 ? { status: "COMPLETED" } : { progress: 1 }));
    }
    expect(refused(goesOn, "ada", step("c100"))).toBe("not-found");
    expect(known.events()).toHaveLength(200);
    expect([known.of("c0"), known.of("c1")?.length]).toEqual([undefined, 2]);
  });

  it("may be announced anew by who began them", () => {
    begins("ada", begin("c1"));
    goesOn("ada", step("c1", { status: "FAILED" }));
    begins("ada", begin("c1"));
    expect(known.of("c1")).toHaveLength(1);
    expect(refused(begins, "eve", begin("c1"))).toBe("conflict");
  });

  it("are no more than an agent may have, and the longest silent one makes room for others", () => {
    begins("ada", begin("a1"));
    begins("ada", begin("a2"));
    expect(refused(begins, "ada", begin("a3"))).toBe("full");
    begins("bob", begin("b1"));
    goesOn("ada", step("a1"));
    known.begin("eve", { coordinationId: "run", pattern: "CONSENSUS" }); // which the broker runs, counts apart
    begins("eve", begin("e1"));
    expect(["a1", "a2", "b1", "e1", "run"].filter((id) => known.of(id) === undefined)).toEqual(["a2"]);
    expect(ledger.reasons["coordination-forgotten"]).toBe(1);
  });

  it("are over when nothing is said of them for their timeout and a minute", () => {
    begins("ada", begin("c1", { parameters: { timeout: 5_000 } }));
    clock.advance(60_000);
    goesOn("ada", step("c1"));
    clock.advance(64_999);
    goesOn("ada", step("c1"));
    clock.advance(65_000);
    expect(refused(goesOn, "ada", step("c1"))).toBe("not-found");
    expect(known.efficiency).toBe(0);
  });

  it("have an efficiency: the share of those that were decided in time", () => {
    expect(known.efficiency).toBeNull();
    for (const status of ["APPROVED", "REJECTED", "TIMED_OUT", "COMPLETED"]) {
      begins("ada", begin(status));
      expect(known.events().length).toBeGreaterThan(0);
      goesOn("ada", step(status, { status }));
    }
    begins("ada", begin("open"));
    expect(known.efficiency).toBe(0.75);
  });
});
