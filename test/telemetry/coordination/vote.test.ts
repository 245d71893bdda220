import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decisionOf, neededOf, readVote, voteWords, type Tally } from "../../../src/telemetry/coordination/vote.js";

describe("a vote", () => {
  it.each([
    ["the word alone", "approve", undefined, "approve"],
    ["in any case, with what follows", "REJECT – too dear", undefined, "reject"],
    ["with marks around it", "**Approve**, because it is cheap", undefined, "approve"],
    ["with white space before it", "\n\t abstain.", undefined, "abstain"],
    ["in data", "I have thought about it", { vote: "approve" }, "approve"],
    ["in data, which counts more than the text", "approve", { vote: "Reject!" }, "reject"],
    ["in the text, where data has none that can be read", "approve", { vote: 1 }, "approve"],
    ["in the text, where data is somebody else's", "approve", Object.create({ vote: "reject" }), "approve"],
    ["not the first word", "I approve", undefined, undefined],
    ["another word that begins so", "approved", undefined, undefined],
    ["no word", "…!", undefined, undefined],
    ["nothing", "", null, undefined],
  ])("is read: %s", (_about, message, data: unknown, vote) => {
    expect(readVote({ message, data })).toBe(vote);
  });

  it("never fails, and is one of the three words", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.anything(), (message, data) => {
        const vote = readVote({ message, data });
        return vote === undefined || voteWords.includes(vote);
      }),
    );
  });
});

describe("what a vote decides", () => {
  it.each([
    [3, 0.66, 2],
    [3, 2 / 3, 2],
    [4, 0.66, 3],
    [10, 0.7, 7],
    [10, 0.1, 1],
    [1, 0.000001, 1],
    [50, 1, 50],
  ])("of %d voters, %d of them must approve: %d", (voters, threshold, needed) => {
    expect(neededOf(voters, threshold)).toBe(needed);
  });

  it("is told as soon as nobody can change it, and not before", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("approve", "reject", "abstain", "absent", "pending"), { minLength: 1, maxLength: 50 }),
        fc.integer({ min: 1, max: 100 }),
        (said, percent) => {
          const threshold = percent / 100;
          const count = (word: string): number => said.filter((each) => each === word).length;
          const [approve, reject, abstain, absent] = ["approve", "reject", "abstain", "absent"].map(count);
          const tally = { voters: said.length, approve, reject, abstain, absent } as Tally;
          // Decided: it is the same whether all who wait approve, or none does.
          const isEnough = (approvals: number): boolean => approvals * 100 >= said.length * percent && approvals > 0;
          const [least, most] = [isEnough(count("approve")), isEnough(count("approve") + count("pending"))];
          expect(decisionOf(tally, threshold)).toBe(least ? "APPROVED" : most ? undefined : "REJECTED");
        },
      ),
    );
  });
});
