import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { serve, startAgentchat, type Served } from "./binary.js";

interface Said {
  readonly type: string;
  readonly from: string;
  readonly to: string;
  readonly content: string;
}

const jsonLines = <T>(text: string): T[] =>
  text
    .trim()
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as T);

describe("the agentchat command, through the real binary", () => {
  let served: Served;
  beforeAll(async () => {
    served = await serve();
  });
  afterAll(async () => {
    await served.end();
  });

  it("lists the channels that a server has from its start, for people and as JSON", async () => {
    const people = await served.run("channels", served.url);
    expect(people).toMatchObject({ code: 0, stderr: "" });
    expect(people.stdout).toMatch(/#general +0\n/);
    const { code, stdout } = await served.run("channels", served.url, "--json");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual(
      expect.arrayContaining([
        { name: "#general", agents: 0 },
        { name: "#agents", agents: 0 },
      ]),
    );
  });

  it("sends to a channel and to an agent; the listener prints JSON lines and ends cleanly on a signal", async () => {
    const ear = startAgentchat(served.home, ["listen", served.url, "#general", "agents", "--name", "ear"]);
    try {
      const { id } = await listening(served, "#agents");
      expect(await served.run("send", served.url, "#general", "to all", "-n", "mouth")).toMatchObject({
        code: 0,
        stdout: "",
      });
      await ear.prints(/to all/);
      const sent = await served.run("send", served.url, id, "to you", "--json");
      expect(JSON.parse(sent.stdout)).toMatchObject({ to: id });
      await ear.prints(/to you/);
      const listed = await served.run("agents", served.url, "general");
      expect(listed).toMatchObject({ code: 0, stdout: `${id}  ear\n` });
    } finally {
      ear.process.kill("SIGINT");
    }
    const { code, stdout } = await ear.ended;
    expect(code).toBe(0);
    const heard = jsonLines<Said>(stdout).filter(({ type }) => type === "MSG");
    expect(heard.map(({ content }) => content)).toEqual(["to all", "to you"]);
    expect(heard[0]).toMatchObject({ to: "#general", from_name: "mouth" });
  });

  it("listens to #general when no channel is named, and ends quietly when whoever reads it has gone", async () => {
    const { startProgram } = await import("../../kit/cli.js");
    const { binary } = await import("./binary.js");
    const piped = startProgram("bash", [
      "-c",
      `set -o pipefail; "${process.execPath}" "${binary}" listen "${served.url}" | head -n 2`,
    ]);
    await listening(served, "#general");
    // That the speaker joined and its line go through; it takes one more to find the pipe closed.
    await served.run("send", served.url, "#general", "first line");
    await piped.prints(/first line/);
    await served.run("send", served.url, "#general", "second line");
    const ended = await piped.ended;
    expect(ended).toMatchObject({ code: 0 });
    expect(ended.stderr).not.toMatch(/EPIPE|at /);
  });

  it("makes channels and invites to them, as the same agent twice", async () => {
    const mine = join(served.home, "mine.json");
    await served.run("identity", "--generate", "--name", "owner", "--file", mine);
    expect(await served.run("create", served.url, "#den", "--invite-only", "-i", mine)).toMatchObject({
      code: 0,
      stdout: "",
      stderr: "made #den\n",
    });
    expect((await served.run("channels", served.url)).stdout).not.toContain("#den");
    const guest = startAgentchat(served.home, ["listen", served.url, "#agents"]);
    try {
      const { id } = await listening(served, "#agents");
      expect(await served.run("invite", served.url, "den", id, "-i", mine)).toMatchObject({
        code: 0,
        stderr: `invited ${id} to #den\n`,
      });
      await guest.prints(/@server/);
    } finally {
      await guest.stop();
    }
    const open = await served.run("create", served.url, "lab", "--json");
    expect(JSON.parse(open.stdout)).toEqual({ channel: "#lab", invite_only: false });
    expect((await served.run("create", served.url, "#cave", "--invite-only")).stderr).toMatch(
      /warning: nobody can enter #cave.*--identity/s,
    );
  });

  it.concurrent.each([
    [["send", "URL", "#nowhere", "hi"], 4, /CHANNEL_NOT_FOUND.*agentchat channels/],
    [["send", "URL", "@nobody12", "hi"], 4, /AGENT_NOT_FOUND.*agentchat agents/],
    [["listen", "URL", "#nowhere"], 4, /CHANNEL_NOT_FOUND/],
    [["agents", "URL", "#nowhere"], 4, /CHANNEL_NOT_FOUND/],
    [["create", "URL", "#general"], 4, /CHANNEL_EXISTS/],
    [["invite", "URL", "#general", "@nobody12"], 4, /AGENT_NOT_FOUND/],
    [["channels", "URL", "--name", "two words"], 4, /INVALID_NAME.*1 to 32/],
    [["send", "URL", "general", "hi"], 2, /'#channel' \(in quotes\)/],
    [["send", "URL", "hi"], 2, /missing required argument.*in quotes/s],
    [["send", "http://x", "#general", "hi"], 2, /ws:\/\/HOST:PORT/],
    [["channels", "ws://127.0.0.1:1"], 3, /cannot connect.*agentchat serve/],
    [["listen", "127.0.0.1:1"], 3, /cannot connect/],
    [["connect", "ws://127.0.0.1:1"], 3, /cannot connect/],
    [["channels", "URL", "-i", "none.json"], 1, /agentchat identity --generate/],
    [["accept", "URL", "p1"], 1, /agentchat identity --generate/],
    [["fly"], 2, /unknown command/],
    [["serve", "--port", "99999"], 2, /0 to 65535/],
    [["serve", "--rate", "fast"], 2, /a number/],
    [["channels", "URL", "-x"], 2, /unknown option.*--help/s],
  ] as const)("says what is wrong and how to mend it: %j", async (args, code, words) => {
    const ended = await served.run(...args.map((arg) => (arg === "URL" ? served.url : arg)));
    expect(ended.stderr).toMatch(words);
    expect(ended.stderr).not.toMatch(/\n +at /);
    expect(ended).toMatchObject({ code, stdout: "" });
  });

  it("shows help with --help everywhere", async () => {
    const whole = await served.run("--help");
    expect(whole).toMatchObject({ code: 0, stderr: "" });
    expect(whole.stdout).toMatch(/Exit codes: 0 done, 1 failed, 2 wrong usage, 3 cannot connect, 4 refused/);
    const commands = [...whole.stdout.matchAll(/^ {2}([a-z]+) (?=.*\S)/gm)]
      .map(([, name = ""]) => name)
      .filter((name) => name !== "help");
    expect(commands).toEqual([
      "serve",
      "connect",
      "send",
      "listen",
      "channels",
      "agents",
      "create",
      "invite",
      "propose",
      "accept",
      "reject",
      "complete",
      "dispute",
      "identity",
      "daemon",
      "inbox",
    ]);
    expect(await served.run("serve", "--help")).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/-h, --host.*--help/s) as string,
    });
  });
});

describe("agentchat serve", () => {
  it("keeps its data to its owner, logs JSON lines, says that others can reach it, and ends by a signal", async () => {
    const served = await serve("--host", "0.0.0.0");
    try {
      expect(await served.server.prints(/warning/)).toMatch(
        /^agentchat server testing is ready at ws:\/\/0\.0\.0\.0:\d+ .*\nwarning: .*other machines.*--host 127\..*\n$/,
      );
      expect((await stat(join(served.home, ".agentchat/server"))).mode & 0o777).toBe(0o700);
      expect(JSON.parse(await readFile(join(served.home, ".agentchat/server/endpoints.json"), "utf8"))).toMatchObject({
        zmqIn: [],
        zmqOut: [],
        ws: [],
      });
    } finally {
      served.server.process.kill("SIGTERM");
    }
    const { code, stderr } = await served.server.ended;
    expect(code).toBe(0);
    expect(jsonLines<{ msg: string }>(stderr).map(({ msg }) => msg)).toContain("broker ready");
    await served.end();
  });

  it("holds back who speaks too fast, as --rate and --burst say", async () => {
    const slow = await serve("--rate", "0.001", "--burst", "1");
    try {
      expect(await slow.run("channels", slow.url)).toMatchObject({ code: 0 });
      const ended = await slow.run("invite", slow.url, "#general", "@nobody12");
      expect(ended).toMatchObject({ code: 4, stderr: expect.stringContaining("RATE_LIMITED") as string });
    } finally {
      await slow.end();
    }
  });

  it("logs what is said only when --log-messages says so", async () => {
    for (const option of [[], ["--log-messages"]]) {
      const served = await serve(...option);
      await served.run("send", served.url, "#general", "between us");
      await served.server.stop();
      const { stderr } = await served.server.ended;
      expect(stderr.includes("between us")).toBe(option.length > 0);
      await served.end();
    }
  });

  it("prints where it listens as JSON, for scripts", async () => {
    const home = await mkdtemp(join(tmpdir(), "agentchat-cli-"));
    const server = startAgentchat(home, ["serve", "-p", "0", "-h", "127.0.0.1", "-n", "mine", "--json"]);
    const ready = JSON.parse(await server.prints(/\n/)) as { pid: number; url: string };
    expect(ready).toMatchObject({
      server: "mine",
      reachable: false,
      url: expect.stringMatching(/^ws:\/\/127\.0\.0\.1:[1-9]\d*$/) as string,
    });
    process.kill(ready.pid, "SIGINT");
    expect(await server.ended).toMatchObject({ code: 0 });
    await rm(home, { recursive: true, force: true });
  });

  it("says why it cannot start, and what to do: port or folder in use, names that are none", async () => {
    const served = await serve();
    try {
      const { port } = new URL(served.url);
      const local = ["serve", "-h", "127.0.0.1", "-p"];
      const [inUse, folder, nameless] = await Promise.all([
        served.run(...local, port, "--data-dir", "second"),
        served.run(...local, "0"),
        served.run(...local, "0", "--data-dir", "third", "--name", ""),
      ]);
      expect(inUse).toMatchObject({
        code: 1,
        stdout: "",
        stderr: expect.stringMatching(new RegExp(`${port} is in use.*choose another port`)) as string,
      });
      expect(folder).toMatchObject({
        code: 1,
        stdout: "",
        stderr: expect.stringMatching(/uses the data directory.*stop it/) as string,
      });
      expect(nameless).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining("serverName") as string });
    } finally {
      await served.end();
    }
  });
});

/** Waits, by asking the server, until somebody listens in the channel. */
async function listening({ run, url }: Pick<Served, "run" | "url">, channel: string): Promise<{ readonly id: string }> {
  for (let asked = 0; asked < 30; asked += 1) {
    const [id] = JSON.parse((await run("agents", url, channel, "--json")).stdout) as string[];
    if (id !== undefined) return { id };
  }
  throw new Error(`nobody came to ${channel}`);
}
