import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { after, statusAt, type Proposal, type Step } from "../../../bridges/agentchat/negotiation/proposal.js";
import { Proposals } from "../../../bridges/agentchat/negotiation/proposals.js";
import { errorCodes } from "../../../bridges/agentchat/schema.js";
import { Fault, type Table } from "../../../src/dialect/index.js";
import { TablesMemory } from "../../../src/storage/index.js";
import { settled } from "../../../src/conformance/conversation.js";

const offer: Proposal = {
  id: "p",
  from: "ada",
  to: "bob",
  signedTo: "@bob",
  task: "x",
  sig: "s",
  pubkey: "k",
  at: 0,
  expires: 5,
  status: "pending",
  steps: [],
};

/** Every way there is: "who type status → status". Whatever is not here must be refused. */
const legal = new Set([
  "bob ACCEPT pending accepted",
  "bob REJECT pending rejected",
  "ada COMPLETE accepted completed",
  "bob COMPLETE accepted completed",
  "ada DISPUTE accepted disputed",
  "bob DISPUTE accepted disputed",
]);

const aStep = fc.record({
  by: fc.constantFrom("ada", "bob", "eve"),
  type: fc.constantFrom("ACCEPT", "REJECT", "COMPLETE", "DISPUTE"),
  at: fc.integer({ min: 0, max: 9_000 }),
});

describe("AgentChat: random negotiations", () => {
  it("walk the legal ways only, and every one of them", () => {
    const walked = new Set<string>();
    fc.assert(
      fc.property(fc.array(aStep, { maxLength: 12 }), (steps) => {
        let proposal = offer;
        for (const { by, type, at } of [...steps].sort((one, other) => one.at - other.at)) {
          const before = statusAt(proposal, at);
          const step: Step = { by, type, at, sig: `${type} by ${by}`, pubkey: "k" };
          const wanted = [...legal].find((way) => way.startsWith(`${by} ${type} ${before} `));
          const copy = structuredClone(proposal);
          try {
            const next = after(proposal, step);
            walked.add(`${by} ${type} ${before} ${next.status}`);
            expect(`${by} ${type} ${before} ${next.status}`).toBe(wanted);
            expect(next).toEqual({ ...proposal, status: next.status, steps: [...proposal.steps, step] });
            proposal = next;
          } catch (thrown) {
            if (!(thrown instanceof Fault)) throw thrown;
            expect(wanted).toBeUndefined();
            const outsider = by === "eve" || (by === "ada" && (type === "ACCEPT" || type === "REJECT"));
            const code = outsider
              ? "NOT_PROPOSAL_PARTY"
              : before === "expired"
                ? "PROPOSAL_EXPIRED"
                : "INVALID_PROPOSAL";
            expect(thrown.detail?.["agentchat"]).toBe(code);
            expect(errorCodes).toContain(code);
            expect(proposal).toEqual(copy);
          }
        }
      }),
      { numRuns: 1_000 },
    );
    expect([...walked].sort()).toEqual([...legal].sort());
  });

  it("lose nothing that was told and double nothing, whichever writes fail and whenever the process is killed", async () => {
    const action = fc.oneof(
      { weight: 6, arbitrary: fc.record({ step: aStep, fails: fc.boolean() }) },
      { weight: 2, arbitrary: fc.constant("disk" as const) },
      { weight: 1, arbitrary: fc.constant("kill" as const) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 16 }), async (actions) => {
        const disk = new TablesMemory().table<Proposal>("p");
        await disk.put(offer.id, offer);
        let world = new Life(disk);
        const told: Step[] = [];
        for (const [at, done] of actions.entries()) {
          if (done === "disk") await world.settle();
          else if (done === "kill") world = new Life(disk);
          else world.take({ ...done.step, at: 0, sig: String(at), pubkey: "k" }, done.fails, told);
        }
        await world.settle();
        const { status, steps } = disk.get(offer.id) ?? expect.fail("the proposal is lost");
        expect(steps.map(({ sig }) => sig)).toEqual([...new Set(steps.map(({ sig }) => sig))]);
        expect(steps.reduce(after, offer).status).toBe(status);
        for (const { type, by } of told) expect(steps).toContainEqual(expect.objectContaining({ type, by }));
        expect(await world.statusInMemory()).toBe(status);
      }),
      { numRuns: 300 },
    );
  });
});

/** One run of the process: what it has not written when it is killed is gone, and so is whatever it would have told. */
class Life {
  readonly #proposals: Proposals;
  readonly #work: (() => Promise<void>)[] = [];
  #failing = false;

  constructor(disk: Table<Proposal>) {
    const batch: Table<Proposal>["batch"] = (changes) => {
      const fails = this.#failing;
      return new Promise((resolve, reject) => {
        this.#work.push(async () => {
          if (fails) reject(new Fault("unavailable", "the disk is full"));
          else await disk.batch(changes).then(resolve);
        });
      });
    };
    const table: Table<Proposal> = {
      get: (key) => disk.get(key),
      range: (from, to) => disk.range(from, to),
      batch,
      put: (put, value) => batch([{ put, value }]),
      delete: (key) => batch([{ delete: key }]),
    };
    this.#proposals = new Proposals(table);
  }

  take(step: Step, fails: boolean, told: Step[]): void {
    this.#failing = fails;
    this.#proposals.step(offer.id, step, this).then(
      () => told.push(step),
      (thrown: unknown) => {
        if (!(thrown instanceof Fault)) throw thrown;
      },
    );
  }

  /** The disk does what it was given, in order. */
  async settle(): Promise<void> {
    for (const work of this.#work.splice(0)) await work();
    await settled();
  }

  /** Found out as a party would: an ACCEPT is refused with the status, unless it is still pending. */
  async statusInMemory(): Promise<string> {
    let status = "pending";
    this.#proposals
      .step(offer.id, { type: "ACCEPT", by: "bob", field: "probe", at: 0, sig: "probe", pubkey: "k" }, this)
      .catch((thrown: unknown) => {
        status = /this one is (\w+)/.exec(String(thrown))?.[1] ?? String(thrown);
      });
    await settled();
    return status;
  }
}
