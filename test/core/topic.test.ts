import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  agentNameProblem,
  isAgentName,
  isReserved,
  isRoom,
  subscriptionKind,
  topicKind,
} from "../../src/core/index.js";

describe("an agent's name", () => {
  it.each([
    "a",
    "claude",
    "claude_code",
    "Ada Lovelace",
    "日本",
    "é",
    "uuid-v4-recommended",
    "a.b",
    "x@y",
    "a#b",
    "🙂",
    "a".repeat(128),
    "control",
    "controller-1",
    "my control-1",
    "ctrl-1",
    "còntrol-1",
    "контроль-1",
  ])("can be %s", (name) => {
    expect(agentNameProblem(name)).toBeUndefined();
    expect(topicKind(name)).toBe("agent");
  });

  it.each([
    ["", "empty"],
    ["#a", "starts"],
    ["@a", "starts"],
    ["$a", "starts"],
    ["a.", "ends"],
    ["a/", "ends"],
    ["a:", "ends"],
    [" a", "spaces"],
    ["a ", "spaces"],
    ["a  b", "spaces"],
    ["a\u00a0b", "spaces"],
    ["a\u3000b", "spaces"],
    ["a\tb", "unprintable"],
    ["a\u0000", "unprintable"],
    ["a\u200bb", "unprintable"],
    ["a\u202eb", "unprintable"],
    ["a\ud800b", "unprintable"],
    ["\ue000", "unprintable"],
    ["e\u0301", "NFC"],
    ["a".repeat(129), "longer"],
    ["日".repeat(43), "longer"],
    ["all", "reserved"],
    ["ALL", "reserved"],
    ["System", "reserved"],
    ["server", "reserved"],
    ["broker", "reserved"],
    ["control-1", "begins with control-, which is reserved"],
    ["Control-Room", "begins with control-, which is reserved"],
    ["CONTROL-", "begins with control-, which is reserved"],
    ["c0ntro1-x", "looks like"],
    ["contro|-x y", "looks like"],
    ["соntrоl-x", "looks like"],
    ["ｃｏｎｔｒｏｌ-x", "looks like"],
    ["control‐1", "looks like"],
    ["𝐜𝐨𝐧𝐭𝐫𝐨𝐥-1", "looks like"],
    [`control-${"é".repeat(50)}`, "begins with control-"],
  ])("cannot be %j: %s", (name, why) => {
    expect(agentNameProblem(name)).toContain(why);
    expect(isAgentName(name)).toBe(false);
  });

  it.each(["\u3164", "\u115f", "\u1160", "\uffa0", "\u2800", "\u034f", "\ufe0f", "\u180b", "\u17b4", "\u{e0100}"])(
    "cannot hold %j, which nobody sees",
    (unseen) => {
      for (const name of [`ada${unseen}`, `${unseen}ada`, `a${unseen}da`, `all${unseen}`, `broker${unseen}`, unseen]) {
        expect(agentNameProblem(name)).toContain("unprintable");
        expect(topicKind(name)).not.toBe("agent");
      }
    },
  );

  it("is in NFC whatever was taken", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (name) => {
        if (isAgentName(name)) expect(name.normalize("NFC")).toBe(name);
      }),
    );
  });
});

describe("a room", () => {
  it.each(["#a", "#general", "#A-Z_0.9", `#${"a".repeat(64)}`])("can be %s", (room) => {
    expect([isRoom(room), topicKind(room)]).toEqual([true, "room"]);
  });

  it.each(["", "#", "a", "##a", "#a.", "#.", "#ä", "#a b", "#all", "#ALL", "#a\n", `#${"a".repeat(65)}`])(
    "cannot be %j",
    (room) => {
      expect(isRoom(room)).toBe(false);
      if (room.startsWith("#")) expect(topicKind(room)).toBeUndefined();
    },
  );
});

describe("a topic", () => {
  it.each([
    ["all", "everyone"],
    ["$broker", "broker"],
    ["$events", "broker"],
    ["#general", "room"],
    ["claude", "agent"],
    ["prices/", "data"],
    ["@ada", "data"],
    ["a:", "data"],
    ["ALL", undefined],
    ["system", undefined],
    ["control-f00-1a", "agent"],
    ["control-", undefined],
    ["Control-f00", undefined],
    ["control-a b", undefined],
    ["control-a.b", undefined],
    ["соntrоl-x", undefined],
    [`control-${"x".repeat(121)}`, undefined],
    ["", undefined],
    ["x".repeat(129), undefined],
  ])("%s stands for %s", (topic, kind) => {
    expect(topicKind(topic)).toBe(kind);
  });

  it("has its reserved words in any case", () => {
    for (const word of ["all", "#all", "system", "server", "broker"])
      expect([isReserved(word), isReserved(word.toUpperCase())]).toEqual([true, true]);
    expect(isReserved("claude")).toBe(false);
  });
});

describe("a ZeroMQ subscription", () => {
  it.each([
    ["", "tap"],
    ["prices/", "prefix"],
    ["a.", "prefix"],
    ["a:", "prefix"],
    ["claude", "exact"],
    ["#general", "exact"],
    ["a.b", "exact"],
  ])("to %j is of kind %s", (subscription, kind) => {
    expect(subscriptionKind(subscription)).toBe(kind);
  });
});
