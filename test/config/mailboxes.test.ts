import { describe, expect, it } from "vitest";
import { readConfig, type BrokerOptions } from "../../src/config/index.js";

describe("mailboxes of a configuration", () => {
  it.each<{ what: string; mailboxes: unknown; says: string }>([
    {
      what: "an unknown field",
      mailboxes: ["bob", { agent: "carl", colour: 1 }],
      says: "mailboxes.1.colour: there is",
    },
    {
      what: "a room",
      mailboxes: ["#bob"],
      says: 'mailboxes.0: must not be a name that starts with # @ $ or ~; it is "#',
    },
    {
      what: "a name of the broker's",
      mailboxes: [{ agent: "$x" }],
      says: "mailboxes.0.agent: must not be a name that",
    },
    { what: "no name", mailboxes: [{ mode: "push" }], says: "mailboxes.0" },
    { what: "two of one name", mailboxes: ["bob", { agent: "bob" }], says: 'name each agent once; "bob" is repeated' },
    { what: "mode of neither", mailboxes: [{ agent: "b", mode: "pull" }], says: "mode: must be one of push, take" },
    {
      what: "a number",
      mailboxes: [7],
      says: "must be the name of an agent, or {agent, mode, rooms, keep_s, max, max_bytes}",
    },
    { what: "no list", mailboxes: "bob", says: "mailboxes: must be a list" },
    { what: "far too much", mailboxes: [{ agent: "b", max: 2_000_000 }], says: "max: must be at most 1000000" },
    { what: "no time at all", mailboxes: [{ agent: "b", keep_s: 0 }], says: "keep_s: must be at least 1" },
    { what: "too many messages", mailboxes: [{ agent: "b", max: 1_001 }], says: "max must be at most 1000" },
    {
      what: "too many bytes",
      mailboxes: [{ agent: "b", max_bytes: 2 ** 25 }],
      says: "max_bytes must be at most 16777216",
    },
  ])("are refused for $what, and it is said where that stands", ({ mailboxes, says }) => {
    const options = { mailboxes } as BrokerOptions; // what somebody has written
    expect(() => readConfig(options, (path) => `mine.json: ${path}`)).toThrow(
      expect.objectContaining({ code: "malformed", message: expect.stringContaining(says) as string }),
    );
  });

  it("are names, or what is said of them, up to the bounds of all", () => {
    const mailboxes = ["bob", { agent: "carl", mode: "take" as const, keep_s: 60, max: 1_000, max_bytes: 2 ** 24 }];
    expect(readConfig({ mailboxes }).mailboxes).toEqual(mailboxes);
    expect(readConfig({ mailboxes: [{ agent: "bob", max: 9_000 }], limits: { mailMax: 9_000 } }).limits.mailMax).toBe(
      9_000,
    );
  });

  it("are for no shared topic", () => {
    expect(() => readConfig({ mailboxes: ["prices"], topics: ["prices"] })).toThrow(/prices is a shared data topic/);
  });
});
