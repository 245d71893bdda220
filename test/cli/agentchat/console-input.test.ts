import { describe, expect, it } from "vitest";
import { readLine } from "../../../src/cli/agentchat/console-input.js";

describe("a line typed into agentchat connect", () => {
  it.each([
    ["", { does: "nothing" }],
    ["   ", { does: "nothing" }],
    ["hello there", { does: "say", to: "#general", text: "hello there" }],
    ["  indented", { does: "say", to: "#general", text: "  indented" }],
    ["//join is a word", { does: "say", to: "#general", text: "/join is a word" }],
    ["/join #dev", { does: "join", channel: "#dev" }],
    ["/join dev", { does: "join", channel: "#dev" }],
    ["/leave", { does: "leave", channel: "#general" }],
    ["/leave #dev", { does: "leave", channel: "#dev" }],
    ["/agents", { does: "agents", channel: "#general" }],
    ["/agents #dev", { does: "agents", channel: "#dev" }],
    ["/msg @ab12cd34 a b  c", { does: "say", to: "@ab12cd34", text: "a b  c" }],
    ["/msg #dev hello", { does: "say", to: "#dev", text: "hello" }],
    ["/create #lab", { does: "create", channel: "#lab", inviteOnly: false }],
    ["/create lab private", { does: "create", channel: "#lab", inviteOnly: true }],
    ["/invite @ab12cd34", { does: "invite", channel: "#general", agent: "@ab12cd34" }],
    ["/invite @ab12cd34 #dev", { does: "invite", channel: "#dev", agent: "@ab12cd34" }],
    ["/invite #dev @ab12cd34", { does: "invite", channel: "#dev", agent: "@ab12cd34" }],
    ["/channels", { does: "channels" }],
    ["/help", { does: "help" }],
    ["/quit", { does: "quit" }],
  ])("%j", (line, typed) => {
    expect(readLine(line, "#general")).toEqual(typed);
  });

  it.each([
    ["/join", "#general", /\/join #channel/],
    ["/join #a #b", "#general", /one channel/],
    ["/leave", undefined, /which channel/],
    ["/agents", undefined, /which channel/],
    ["hello", undefined, /\/join #general/],
    ["/msg @ab12cd34", "#general", /\/msg @agent-id text/],
    ["/msg nobody hello", "#general", /\/msg @agent-id text/],
    ["/create", "#general", /\/create #channel/],
    ["/create #a public", "#general", /\/create #channel private/],
    ["/invite", "#general", /\/invite @agent-id/],
    ["/invite ada", "#general", /\/invite @agent-id/],
    ["/invite @ab12cd34 dev", "#general", /\/invite @agent-id #channel/],
    ["/invite @ab12cd34", undefined, /to which channel/],
    ["/fly high", "#general", /\/help/],
    ["/", "#general", /\/help/],
  ])("says how to write it right: %j in %s", (line, current, why) => {
    const typed = readLine(line, current);
    expect(typed.does).toBe("wrong");
    expect(typed.does === "wrong" && typed.why).toMatch(why);
  });
});
