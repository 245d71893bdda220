import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { agentNameProblem, isReserved, isRoom, looksLike, looksOf, topicKind } from "../../src/core/index.js";

describe("names that are hard to tell apart", () => {
  it.each([
    ["bob", "bоb", "Cyrillic o"],
    ["bob", "ｂｏｂ", "full-width"],
    ["bob", "BOB", "upper case"],
    ["bob", "Вοв".replace("в", "b"), "Cyrillic B, Greek o"],
    ["bob", "b0b", "a digit"],
    ["bob", "𝐛𝗈𝚋", "letters of mathematics"],
    ["bob", "ⓑⓞⓑ", "in circles"],
    ["alice", "aIice", "I for l"],
    ["ALICE", "aIice", "I for l, the name in upper case"],
    ["Bill", "8ill".replace("8", "В"), "Cyrillic B"],
    ["strasse", "Straße", "one letter for two"],
    ["modern", "modem", "m for rn"],
    ["claude-code", "claude‐code", "another hyphen"],
    ["zoë", "zoё", "Cyrillic e with its dots"],
    ["admin", "аdmіn", "two Cyrillic letters"],
    ["grok", "ɡrok", "another g"],
    ["file", "ﬁle", "a ligature"],
    ["kelvin", "Kelvin", "the sign of a unit"],
    ["claude", "ϲlaude", "a sigma that looks like c"],
    ["claude", "ϹLAUDE", "the same, capital"],
    ["frank", "ſrank", "a long s that looks like f"],
    ["sam", "ſam", "a long s that is an s"],
  ])("%s and %s: %s", (one, other) => {
    expect(looksLike(one, other)).toBe(true);
    expect(looksLike(other, one)).toBe(true);
  });

  it.each([
    ["bob", "rob"],
    ["bob", "bobby"],
    ["bob", "bób"],
    ["ali", "all"],
    ["иван", "ivan"],
    ["数据", "数居"],
    ["claude", "claude_code"],
  ])("%s and %s are not", (one, other) => {
    expect(looksLike(one, other)).toBe(false);
  });

  it("each name looks like itself, in whatever case", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 40 }), (name) => {
        expect(looksLike(name, name)).toBe(true);
        expect(looksLike(name, name.toUpperCase()) || looksLike(name, name.toLowerCase())).toBe(true);
        expect(looksOf(name).length).toBeLessThanOrEqual(3);
      }),
    );
  });
});

it.each(["˜paula", "῀paula", "～paula", "＠paula", "﹟paula"])("%s begins with what looks like a sign", (name) => {
  expect(agentNameProblem(name)).toContain("looks like # @ $ or ~");
});

describe("reserved words", () => {
  it.each([
    "аll",
    "ａｌｌ",
    "a11",
    "aIl",
    "AlI",
    "systern",
    "sуstem",
    "SERVER",
    "Ѕerver",
    "br0ker",
    "ᏴROKER",
    "𝑏𝑟𝑜𝑘𝑒𝑟",
  ])("%s is nobody's name, because of what it looks like", (name) => {
    expect(isReserved(name)).toBe(true);
    expect(agentNameProblem(name)).toMatch(/reserved/);
    expect(topicKind(name)).toBeUndefined();
  });

  it("are found among all names of letters that look like theirs", () => {
    const words = ["all", "#all", "system", "server", "broker"];
    const letters = fc.constantFrom(...Array.from('aA1lLiI|sSyYtTeEmMrnRNvVbBoO0kK#"`'));
    fc.assert(
      fc.property(fc.string({ unit: letters, minLength: 3, maxLength: 8 }), (name) => {
        expect(isReserved(name)).toBe(words.some((word) => looksLike(word, name)));
      }),
      { numRuns: 2_000 },
    );
    for (const name of ["SYSTERN", "a1|", "#AlI", "BR0KER", "sErVeR"]) expect(isReserved(name)).toBe(true);
  });

  it.each(["#aIl", "#a11", "#AII"])("%s is no room", (room) => {
    expect(isRoom(room)).toBe(false);
  });

  it.each(["ali", "ail", "alla", "systems", "brokers", "server-2", "a1", "allie", "#allies"])("%s is none", (name) => {
    expect(isReserved(name)).toBe(false);
  });

  it.each(["＃general", "﹟general", "＄broker", "＠ada", "～reviewers", "∼reviewers", "~reviewers"])(
    "no name begins as %s",
    (name) => {
      expect(agentNameProblem(name)).toMatch(/^starts with/);
    },
  );
});
