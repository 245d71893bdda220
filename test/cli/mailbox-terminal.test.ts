import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Agent } from "../../src/index.js";
import { runCli, startProgram, type Ended } from "../kit/cli.js";
import { serveBroker, type Served } from "./served.js";

const binary = fileURLToPath(new URL("../../bin/broker.js", import.meta.url));
const commands = ["list", "show", "peek", "take", "dead", "redeliver", "open", "close", "salvage"] as const;

/** The first words of each line. */
const firsts = ({ stdout }: Ended): readonly string[] =>
  stdout.split("\n").flatMap((line) => line.trim().split(/ {2,}/)[0] ?? []);
const isRow = (line: string): boolean => typeof JSON.parse(line) === "object";

describe("broker mailbox, for people and for programs", () => {
  let served: Served;
  let ada: Agent;
  beforeAll(async () => {
    served = await serveBroker("--keep-mail", "bob", "carl");
    ada = await Agent.connect({ name: "ada", in: served.at.zmqIn, out: served.at.zmqOut });
    for (const text of ["first", "second"]) await ada.inform("bob", text);
    await ada.agents(); // the broker has read what came before
  });
  afterAll(async () => {
    await ada.close();
    await served.end();
  });

  const pipe = (...args: readonly string[]): Promise<Ended> => served.cli("mailbox", ...args);
  /** On a terminal: what is said to people stands in stdout, too. */
  const terminal = (...args: readonly string[]): Promise<Ended> => {
    const words = [process.execPath, binary, "mailbox", ...args, "--data-dir", served.dataDir];
    const line = words.map((word) => `'${word}'`).join(" ");
    return startProgram("script", ["--quiet", "--return", "--command", line, "/dev/null"], { NO_COLOR: "1" }).ended;
  };
  const rows = ({ stdout }: Ended): readonly string[] => stdout.split("\n").filter((line) => line !== "");

  it("lists and shows as a table on a terminal, and as a line of JSON each in a pipe", async () => {
    const list = await terminal("list");
    expect([list.code, firsts(list).slice(0, 3)]).toEqual([0, ["NAME", "bob", "carl"]]);
    expect(list.stdout).toMatch(/^NAME +OWNER +WAITING +LEASED +DEAD +OLDEST +FULL +MODE +TRUST\r?$/m);
    expect(list.stdout).toMatch(/^bob +not seen yet +2 +0 +0 .* push +claimed\r?$/m);
    const show = await terminal("show", "bob");
    expect(firsts(show).slice(0, -1)).toEqual([
      "mailbox",
      "owner",
      "belongs to",
      "mode",
      "rooms",
      "waiting",
      "bounds",
      "messages",
      "epoch",
    ]);
    for (const args of [["list"], ["show", "bob"], ["list", "--json"]]) {
      const lines = rows(await pipe(...args));
      expect(lines.map(isRow)).toEqual(lines.map(() => true));
      expect(lines).toHaveLength(args[0] === "list" ? 2 : 1);
    }
  });

  it("looks at messages and takes them: tables say what they say, JSON lines say all", async () => {
    const peek = await terminal("peek", "bob");
    expect(peek.stdout).toMatch(/^STORED +STATE +FROM +TYPE +TEXT +DELIVERY ID\r?$/m);
    expect(peek.stdout).toMatch(/waiting +ada +inform +first +1-[0-9a-f]{32}\r?$/m);
    const taken = await terminal("take", "bob", "--max", "1", "--release");
    expect(taken.stdout).toMatch(/leased +ada +inform +first/);
    expect(JSON.parse(rows(await pipe("take", "bob", "--max", "1", "--release"))[0] ?? "")).toMatchObject({
      from: "ada",
      content: { message: "first" },
      $broker: { delivery_id: expect.stringMatching(/^1-/) as string },
    });
    expect(rows(await pipe("peek", "bob")).map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { state: "waiting", message: { content: { message: "first" } } },
      { state: "waiting", message: { content: { message: "second" } } },
    ]);
    expect(await pipe("dead", "bob")).toEqual({
      code: 0,
      stdout: "",
      stderr: "nothing is dead in the mailbox of bob\n",
    });
    expect((await terminal("dead", "bob")).stdout).toContain("nothing is dead in the mailbox of bob");
  });

  it("opens, delivers again and closes; what could not be done is told with its remedy, and by the exit code", async () => {
    expect((await terminal("open", "dora", "--mode", "take")).stdout).toMatch(
      /^mode +take: the agent asks for it\r?$/m,
    );
    expect(rows(await pipe("open", "dora", "--max", "5")).map(isRow)).toEqual([true]);
    expect(await pipe("close", "dora")).toEqual({ code: 0, stdout: "", stderr: "dora has no mailbox any more\n" });
    const again = await terminal("redeliver", "bob", "nonsense");
    expect([again.code, again.stdout]).toEqual([
      4,
      expect.stringMatching(/^nonsense +not in this mailbox: broker mailbox dead bob shows the ids\r?\n$/),
    ]);
    for (const [args, code, remedy] of [
      [["close", "bob"], 4, "broker mailbox close bob --discard"],
      [["peek", "bobb"], 4, "did you mean bob?"],
      [["take", "nobody"], 4, "broker mailbox open nobody opens one"],
      [["open", "bob", "--max", "2000000"], 2, "give 1 to 1000000"],
      [["open", "bob", "--max", "2000"], 2, "max is 1000 at most (mailMax of the configuration)"],
      [["open", "bob", "--max-bytes", "10"], 2, "give 1k to 1g"],
      [["open", "bob", "--keep", "400d"], 2, "give 1s to 366d"],
      [["open", "bob", "--mode", "pull"], 2, "push, take"],
      [["open", "#lab"], 2, "cannot be the name of an agent"],
      [["take", "bob", "--max", "0"], 2, "broker mailbox take --help"],
      [["redeliver", "bob"], 2, "broker mailbox redeliver --help"],
      [["salvage"], 1, "stop it first (broker stop)"],
    ] as const) {
      const ended = await pipe(...args);
      expect([args, ended.code, ended.stdout]).toEqual([args, code, ""]);
      expect(ended.stderr).toContain(remedy);
    }
  });

  it("tells where no broker runs, or no mailboxes are", async () => {
    const elsewhere = (...args: readonly string[]): Promise<Ended> =>
      runCli(["mailbox", ...args, "--data-dir", `${served.home}/none`]);
    expect(await elsewhere("list")).toMatchObject({
      code: 3,
      stderr: expect.stringContaining("broker start") as string,
    });
    expect(await elsewhere("salvage")).toMatchObject({
      code: 4,
      stderr: expect.stringContaining("--data-dir") as string,
    });
  });

  it.each(commands)("explains %s, each argument and option", async (command) => {
    const { code, stdout, stderr } = await runCli(["mailbox", command, "--help"]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(new RegExp(`^Usage: broker mailbox ${command} \\[options\\]`));
    const described = [...stdout.matchAll(/^ {2}(-\S.*?|[a-z]+) {2,}(\S.*)$/gm)];
    const names = [...stdout.matchAll(/^ {2}(-\S|[a-z]+ )/gm)];
    expect(described.length).toBeGreaterThanOrEqual(4);
    expect(described).toHaveLength(names.length);
  });
});
