import { describe, expect, it } from "vitest";
import { isRoom } from "../../src/dialect/index.js";
import { failures, ruled, spoilt, type Spoilt } from "./spoilt.js";

const flood = "costs: refuses a flood, in the word for it, and lets the same client speak again later";
const roads = "costs: makes texts to rooms and to everybody cost something, too";
const joins = "costs: makes each join and each leave cost something, too, with and without the past";
const again = "costs: gives an agent that connects again no new allowance";
const lists = "costs: makes a long list cost more than a short one";

describe("the conformance suite fails a dialect that", () => {
  const dialects: Spoilt = {
    "takes nothing for texts to rooms": [
      ruled(({ say }) => ({ say: { ...say, cost: ({ to }) => (isRoom(to) ? 0 : 1) } })),
      roads,
    ],
    "takes nothing for texts to everybody": [
      ruled(({ say }) => ({ say: { ...say, cost: ({ to }) => (to === "all" ? 0 : 1) } })),
      roads,
    ],
    "takes nothing for joins that ask for the past": [
      ruled(({ join }) => ({ join: { ...join, cost: ({ history }) => (history === undefined ? 1 : 0) } })),
      joins,
    ],
    "takes nothing for joins, only for leaves": [ruled(({ join }) => ({ join: { ...join, cost: 0 } })), joins],
    "gives each connection an allowance of its own and does not say so": [
      spoilt(() => ({
        rate: { refusal: "too fast", buckets: () => [{ owner: "connection", rate: { perSecond: 5, burst: 10 } }] },
      })),
      again,
    ],
    "takes nothing for anything": [
      spoilt(() => ({ rate: { refusal: "", buckets: () => [] } })),
      flood,
      roads,
      joins,
      again,
      lists,
    ],
    "takes no more for a long list than for a short one": [
      ruled(({ list }) => ({ list: { ...list, cost: 1 } })),
      lists,
    ],
  };
  for (const [what, [subject, ...cases]] of Object.entries(dialects))
    it(what, async () => {
      expect(await failures(subject)).toEqual(cases);
    });
});
