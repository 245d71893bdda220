import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { argumentOrder } from "../../src/cli/argument-order.js";
import { agoText, cut, fittedTable, namedTexts, spanText } from "../../src/cli/columns.js";
import { agentTable, roomTable } from "../../src/cli/commands/lists.js";
import { logLine } from "../../src/cli/log.js";
import { painter, table, type Paint } from "../../src/cli/output.js";
import { usageWords } from "../../src/cli/usage-words.js";

const plain: Paint = (_style, text) => text;
const now = Date.parse("2026-05-04T12:00:00Z");

describe("the order of words on a command line", () => {
  const program = new Command("broker").option("--json").option("--data-dir <folder>");
  program.command("send").argument("<to>").argument("[text]").option("--wait [seconds]").option("--from <name>");
  const order = (line: readonly string[]): readonly string[] => argumentOrder(["send", ...line], program).slice(1);

  it.each([
    [
      ["--wait", "claude", "hi"],
      ["claude", "hi", "--wait"],
    ],
    [
      ["claude", "--wait", "hi"],
      ["claude", "hi", "--wait"],
    ],
    [
      ["claude", "--wait", "5", "hi"],
      ["claude", "--wait", "5", "hi"],
    ],
    [
      ["claude", "hi", "--wait", "long"],
      ["claude", "hi", "--wait", "long"],
    ],
    [
      ["claude", "- [ ] one", "--json"],
      ["claude", "--json", "--", "- [ ] one"],
    ],
    [
      ["--from", "- odd name", "claude", "hi"],
      ["--from", "- odd name", "claude", "hi"],
    ],
    [
      ["claude", "--from=a b", "-n"],
      ["claude", "--from=a b", "-n"],
    ],
    [
      ["claude", "--wait", "--", "-n"],
      ["claude", "--wait", "--", "-n"],
    ],
    [
      ["--data-dir", "- x y", "claude", "--wait", "-- two words"],
      ["--data-dir", "- x y", "claude", "--wait", "--", "-- two words"],
    ],
  ])("%j is %j", (line, ordered) => {
    expect(order(line)).toEqual(ordered);
  });
});

describe("a wrong command line", () => {
  const send = new Command("send");
  const start = new Command("start").option("--ws <at>").option("--host <name>");
  new Command("broker").addCommand(send).addCommand(start);

  it.each([
    ["unknown command 'reply'", send, /did you mean broker send TO TEXT --type response --reply-to MESSAGE_ID\?\n$/],
    ["unknown command 'constructor'", send, /^broker: unknown command 'constructor'$/],
    ["unknown option '--port'\n(Did you mean --host?)", start, /'--port'; where it listens .*: --ws HOST:PORT .*\n$/],
    ["unknown option '--por'\n(Did you mean --host?)", start, /\(Did you mean --host\?\)$/],
    ["unknown option '-n'", send, /a text that begins with - stands behind --: -- '-n'\n$/],
    ["unknown option '-n'", start, /^broker: unknown option '-n'$/],
  ])("is told what was meant: %s", (text, command, words) => {
    const told = usageWords(`error: ${text}`, command);
    expect(told).toMatch(words);
    expect(told).not.toMatch(/--host.*--ws/s);
  });
});

describe("lists for people", () => {
  const agent = (name: string, more: object = {}) => ({
    name,
    display_name: name,
    dialect: "zmq",
    trust: "claimed",
    since: "2026-05-04T11:58:00Z",
    ...more,
  });

  it("have headings, times that count from now, and connections", () => {
    const lines = agentTable([agent("ada", { connections: 2, display_name: "Ada" })], now, undefined).split("\n");
    expect(lines[0]).toMatch(/^NAME +DIALECT +TRUST +ONLINE SINCE +CONNECTIONS +DISPLAY NAME$/);
    expect(lines[1]).toMatch(/^ada +zmq +claimed +2 min ago +2 +Ada$/);
    const rooms = roomTable(
      [
        { name: "#lab", members: 3, invite_only: true },
        { name: "#log", members: 5, away: 2, invite_only: false, durable: true },
      ],
      undefined,
    ).split("\n");
    expect(rooms[0]).toMatch(/^ROOM +MEMBERS +AWAY +WHO MAY JOIN +REMEMBERS$/);
    expect(rooms[1]).toMatch(/^#lab +3 +invited only$/);
    expect(rooms[2]).toMatch(/^#log +5 +2 +everybody +on disk$/);
  });

  it("stand in line with wide characters, and one line is one agent, whatever its name holds", () => {
    const odd = agent("🦊", { display_name: "a\nforged  line\u001b[2J\tb" });
    const lines = agentTable([agent("日本語"), agent("ada"), odd], now, undefined).split("\n");
    expect(lines).toHaveLength(4);
    expect(lines[1]?.indexOf("zmq")).toBe((lines[2]?.indexOf("zmq") ?? 0) - 3); // three characters, six columns
    expect(lines[3]).toContain("a forged  line\ufffd[2J b");
    expect(table([["日本", "x"], ["abcdef", "y"]])).toBe("日本    x\nabcdef  y"); // prettier-ignore
  });

  it.each([120, 80, 60, 40, 20, 8])("fit into %i columns", (width) => {
    const long = agent("x".repeat(100), { display_name: "長".repeat(60) });
    const lines = agentTable([agent("ada"), long], now, width).split("\n");
    for (const line of lines) expect(columnsOf(line)).toBeLessThanOrEqual(width);
    expect(lines[1]).toMatch(/^ada/);
    expect(lines[2]).toMatch(/^x+…/);
    if (width >= 40) expect(lines[0]).toContain("DIALECT");
  });

  it("cut between characters, never within one", () => {
    expect(cut("👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧", 5)).toBe("👩‍👩‍👧👩‍👩‍👧…");
    expect(cut("ada", 3)).toBe("ada");
    expect(fittedTable([{ heading: "A" }], [], 1)).toBe("A");
  });

  it("break long texts at spaces, below their first line", () => {
    const rows = [["copies", "1 = 1 written + 0 pending + dropped (0 full)"] as const, ["data", "/a"] as const];
    expect(namedTexts(rows, 36)).toBe("copies  1 = 1 written + 0 pending +\n        dropped (0 full)\ndata    /a");
  });

  it.each([
    [0, "0 s"],
    [59_999, "59 s"],
    [60_000, "1 min"],
    [7_199_000, "119 min"],
    [7_200_000, "2 h"],
    [200_000_000, "2 days"],
  ])("say %i ms as %s", (ms, words) => {
    expect(spanText(ms)).toBe(words);
  });

  it("say now for a time that has not come, and what is no time as it is", () => {
    expect([agoText("2026-05-04T13:00:00Z", now), agoText("soon", now)]).toEqual(["now", "soon"]);
  });
});

describe("a log line for people", () => {
  const line = (event: string, fields: Readonly<Record<string, unknown>>): string =>
    logLine(new Date(2026, 4, 4, 12, 34, 56), "info", event, fields, plain);

  it("has the time, the level, the event and its fields", () => {
    expect(line("session admitted", { agent: "ada", dialect: "pan", n: 3 })).toBe(
      "12:34:56 info session admitted agent=ada dialect=pan n=3",
    );
    expect(logLine(new Date(), "warn", "x", {}, painter(true, {}))).toContain("\u001b[33mwarn\u001b[39m");
  });

  it("forges no field, no line and no colour", () => {
    expect(line("a\nb", { name: "x agent=root", url: "a\n\u001b[31m", list: ["ü"], gone: undefined })).toBe(
      '12:34:56 info a b name="x agent=root" url="a\\n\\u001b[31m" list=["ü"]',
    );
  });
});

/** As a terminal shows it: the wide characters of these tests take two columns. */
function columnsOf(line: string): number {
  return line.length + (line.match(/長/g)?.length ?? 0);
}
