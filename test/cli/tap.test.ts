import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Envelope } from "../../src/core/index.js";
import { startCli, startProgram, type Program } from "../kit/cli.js";
import { PlainAgent } from "../kit/plain-agent.js";
import { serveBroker, type Served } from "./served.js";

const onPty = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";

describe("broker tap", () => {
  let served: Served;
  let ada: PlainAgent;
  beforeAll(async () => {
    served = await serveBroker();
    ada = await new PlainAgent("ada", served.at, { topics: ["ada", "#lab"] }).meet();
  });
  afterAll(async () => {
    ada.close();
    await served.end();
  });

  async function tap(...args: readonly string[]): Promise<Program> {
    const program = startCli(["tap", "--data-dir", served.dataDir, ...args]);
    await program.tells(/listening to/);
    return program;
  }

  /** Repeats until the tap has ended: its subscription may come after the first. */
  async function until(program: Program, say: () => Promise<unknown>): Promise<Envelope[]> {
    const timer = setInterval(() => void say(), 50);
    try {
      const { code, stdout } = await program.ended;
      expect(code).toBe(0);
      return stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as Envelope);
    } finally {
      clearInterval(timer);
    }
  }

  it("shows only what fits every filter, and ends after --count", async () => {
    const program = await tap("--from", "ada", "--to", "#lab", "--type", "inform", "--kind", "weather", "--count", "2");
    const weather = { content: { message: "rain", kind: "weather" } };
    const heard = await until(program, async () => {
      await ada.send("#lab", "inform", "plain");
      await ada.send("#general", "inform", "rain", weather);
      await ada.send("#lab", "request", "rain", weather);
      await ada.send("#lab", "inform", "rain", weather);
    });
    expect(heard.map(({ from, to, type, content }) => [from, to, type, content.kind])).toEqual([
      ["ada", "#lab", "inform", "weather"],
      ["ada", "#lab", "inform", "weather"],
    ]);
  });

  it("takes the topic for the addressee, and shows no trust that only the speaker vouches for", async () => {
    const program = await tap("--to", "#lab", "--from", "ada", "--count", "1");
    const [heard] = await until(program, async () => {
      await ada.send("#general", "inform", "elsewhere", { to: "#lab" });
      await ada.send("#lab", "inform", "here", { to: "#general", trust: "proved" });
    });
    expect(heard).toMatchObject({ to: "#lab", content: { message: "here" }, trust: "claimed" });
  });

  it("shows a topic without joining or subscribing it, and chat is what has no kind", async () => {
    const program = await tap("#lab", "--kind", "chat", "--count", "1");
    const [heard] = await until(program, () => ada.send("#lab", "inform", "plain", { colour: "blue" }));
    expect(heard).toMatchObject({ to: "#lab", content: { message: "plain" }, colour: "blue" });
    const rooms = JSON.parse((await served.cli("rooms", "--json")).stdout) as { name: string; members: number }[];
    expect(rooms.find(({ name }) => name === "#lab")?.members).toBe(1);
  });

  it("shows a request before the broker's answer to it", async () => {
    const program = await tap("--kind", "ping", "--count", "6");
    const heard = await until(program, () =>
      ada.send("$broker", "request", "ping", { content: { message: "ping", kind: "ping" } }),
    );
    for (const answer of heard.filter(({ type }) => type === "response")) {
      const [at, asked] = [heard.indexOf(answer), heard.findIndex(({ message_id: id }) => id === answer.in_reply_to)];
      if (asked !== -1) expect(asked).toBeLessThan(at);
      else expect(at).toBe(0); // asked before the tap listened
    }
    expect(heard.some(({ type }) => type === "response")).toBe(true);
  });

  it("on a terminal it is coloured and harmless; NO_COLOR is obeyed", async () => {
    for (const [env, from] of [
      [{ NO_COLOR: "" }, "\u001b[32mada\u001b[39m"],
      [{ NO_COLOR: "1" }, " ada "],
    ] as const) {
      const program = startProgram(
        "python3",
        ["-c", onPty, process.execPath, "bin/broker.js", "tap", "#lab", "--count", "1", "--data-dir", served.dataDir],
        { TERM: "xterm", ...env },
      );
      const timer = setInterval(() => void ada.send("#lab", "inform", "be\u001b[31mware\u0007"), 50);
      const { stdout } = await program.ended;
      clearInterval(timer);
      expect(stdout).toContain(from);
      expect(stdout).toContain("be\ufffd[31mware\ufffd");
    }
  });

  it.each([
    [["#a b"], /a room is # and 1–64 of A-Z/],
    [["#lab/"], /a room is #/],
    [["system"], /no agent can have a name that is reserved/],
    [["--to", "#a b"], /--to "#a b": a room is #/],
    [["--to", "prices."], /a prefix is an argument/],
    [["--from", "#lab"], /--from "#lab": no agent can have a name that starts with #/],
    [["--from", "Control-1"], /no agent can have a name that begins with control-/],
    [["--count", "0"], /whole number, 1 or more/],
    [["--type", "shout"], /Allowed choices are request, response, inform/],
  ])("refuses what can never be, with the rule: %j", async (args, words) => {
    const ended = await served.cli("tap", ...args);
    expect(ended).toMatchObject({ code: 2, stdout: "" });
    expect(ended.stderr).toMatch(words);
  });
});
