import { describe, expect, it } from "vitest";
import { closeAsked, newConversation, oldestAsked, rememberAsked } from "../../src/conversation/index.js";

describe("the open requests of one direction", () => {
  const asked = (ids: readonly string[]): ReturnType<typeof newConversation>["directions"][0] => {
    const [direction] = newConversation().directions;
    for (const id of ids) rememberAsked(direction, id, 0);
    return direction;
  };

  it("are at most eight, whose ids are short beside the last", () => {
    expect(oldestAsked(asked(Array.from({ length: 20 }, (_, n) => `id ${n}`)), 0)).toBe("id 12");
    const long = Array.from({ length: 5 }, (_, n) => `${n}`.repeat(100));
    const direction = asked(long);
    expect(direction.earlier).toEqual([long[2], long[3]]);
    expect(direction.earlierAt).toHaveLength(2);
    expect(direction.asked).toBe(long[4]);
    expect(asked(["x".repeat(129)]).asked).toBeUndefined();
  });

  it("are closed by the answer to a later one, and by no other id", () => {
    const direction = asked(["a", "b", "c", "d"]);
    closeAsked(direction, "never asked");
    closeAsked(direction, "b");
    expect([oldestAsked(direction, 0), direction.earlier, direction.earlierAt]).toEqual(["c", ["c"], [0]]);
    closeAsked(direction, "d");
    expect([oldestAsked(direction, 0), direction.earlier]).toEqual([undefined, []]);
  });

  it("are forgotten after five minutes, all but the last", () => {
    const direction = asked(["a", "b"]);
    expect([oldestAsked(direction, 300_000), oldestAsked(direction, 300_001)]).toEqual(["a", "b"]);
  });
});
