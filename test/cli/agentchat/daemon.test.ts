import { appendFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { agentchat, serve, startAgentchat, type Served } from "./binary.js";

interface Status {
  readonly instance: string;
  readonly running: boolean;
  readonly pid?: number;
  readonly channels?: readonly string[];
}

/** Waits for the end of a process; one that nobody has buried yet has ended, too. */
async function gone(pid: number): Promise<void> {
  const state = (): Promise<string> =>
    readFile(`/proc/${pid}/stat`, "utf8").then(
      (stat) => stat.replace(/^.*\) (\w).*$/s, "$1"),
      () => "gone",
    );
  await vi.waitFor(async () => {
    expect(["gone", "Z"]).toContain(await state());
  }, 5_000);
}

describe("agentchat daemon", () => {
  let served: Served;
  const daemon = (...args: readonly string[]) => served.run("daemon", ...args);
  const file = (instance: string, name: string) => join(served.home, ".agentchat/daemons", instance, name);
  beforeAll(async () => {
    served = await serve();
  });
  afterAll(async () => {
    await daemon("--stop-all");
    await served.end();
  });

  it("runs in the background, sends its outbox, keeps what it hears, is listed, shown and stopped", async () => {
    const started = await daemon(served.url, "-n", "one", "-b", "-c", "#general,agents");
    expect(started).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\n$/) as string });
    const pid = Number(started.stdout);
    expect(Number(await readFile(file("one", "daemon.pid"), "utf8"))).toBe(pid);

    const status = await daemon("--name", "one", "--status", "--json");
    expect(status.code).toBe(0);
    expect(JSON.parse(status.stdout)).toMatchObject({
      instance: "one",
      running: true,
      pid,
      channels: ["#general", "#agents"],
    });
    const shown = await daemon("--name", "one", "--status");
    expect(shown.stdout).toMatch(/^channels +#general #agents$/m);
    expect(shown.stdout).toMatch(/^startedAt +\d{4}-\d\d-\d\dT[\d:.]+Z$/m);
    expect(shown.stdout).toMatch(/^connected +yes$/m);
    expect(await daemon("-l")).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(new RegExp(`^one +pid ${pid} +${served.url}$`, "m")) as string,
    });

    const ear = startAgentchat(served.home, ["listen", served.url, "#agents"]);
    try {
      for (
        let asked = 0;
        (await served.run("agents", served.url, "#agents")).stdout.trim().split("\n").length < 2;
        asked += 1
      )
        if (asked > 30) throw new Error("the listener did not come");
      await appendFile(
        file("one", "outbox.jsonl"),
        `${JSON.stringify({ to: "#agents", content: "from the outbox" })}\n`,
      );
      await ear.prints(/from the outbox/);
      await served.run("send", served.url, "#agents", "for the inbox");
      await ear.prints(/for the inbox/);
    } finally {
      await ear.stop();
    }
    const stopped = await daemon("-n", "one", "--stop", "--json");
    expect(JSON.parse(stopped.stdout)).toMatchObject({ instance: "one", stopped: true, pid });
    expect(await readFile(file("one", "inbox.jsonl"), "utf8")).toContain("for the inbox");
    await gone(pid);
    expect(await daemon("-n", "one", "-s")).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/does not run; start it with/) as string,
    });
  });

  it("has the server keep what is said to it while it is away, if it can prove who it is", async () => {
    expect(await daemon(served.url, "-n", "kept", "--mailbox")).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/--identity FILE/) as string,
    });
    const made = await served.run("identity", "--generate", "--name", "kept", "--identity", "kept.json", "--json");
    const { agent_id: id = "" } = JSON.parse(made.stdout) as { readonly agent_id?: string };
    const start = ["-n", "kept", "-i", "kept.json", "-b", "--mailbox"];
    expect(await daemon(served.url, ...start)).toMatchObject({ code: 0 });
    await daemon("-n", "kept", "--stop");
    expect(await served.run("send", served.url, id, "while you were away")).toMatchObject({ code: 0 });
    expect(await daemon(served.url, ...start)).toMatchObject({ code: 0 });
    await vi.waitFor(async () => {
      const lines = (await readFile(file("kept", "inbox.jsonl"), "utf8")).trimEnd().split("\n");
      const heard = lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
      expect(heard.find(({ content }) => content === "while you were away")).toHaveProperty("stored_at");
    }, 10_000);
    await daemon("-n", "kept", "--stop");
  });

  it("runs in front until a signal, in the protocol's channels", async () => {
    const front = startAgentchat(served.home, ["daemon", served.url, "--name", "two"]);
    let status: Status | undefined;
    for (let asked = 0; status?.running !== true; asked += 1) {
      if (asked > 30) throw new Error("the daemon did not start");
      status = JSON.parse((await daemon("-n", "two", "-s", "--json")).stdout) as Status;
    }
    expect(status.channels).toEqual(["#general", "#agents"]);
    const twice = await daemon(served.url, "-n", "two", "--background");
    expect(twice).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringMatching(/running already.*another name/) as string,
    });
    expect(await front.stop("SIGINT")).toMatchObject({ code: 0 });
  });

  it("goes on trying without a server, says so, and leaves its own words out of the inbox if asked to", async () => {
    const alone = await daemon("ws://127.0.0.1:1", "-n", "alone", "-b", "--json");
    expect(JSON.parse(alone.stdout)).toMatchObject({ instance: "alone", connected: false });
    expect(alone.stderr).toMatch(/ws:\/\/127\.0\.0\.1:1 yet; it goes on trying[^]*connect ECONNREFUSED/);
    expect((await daemon("-l")).stdout).toMatch(/^alone +pid \d+ \(not connected\) +ws:/m);
    expect((await daemon("-n", "alone", "-s")).stdout).toMatch(/^lastError +connect ECONNREFUSED/m);
    const quiet = await daemon(served.url, "-n", "quiet", "-b", "-c", "agents", "--no-echo", "--json");
    expect(JSON.parse(quiet.stdout)).toMatchObject({ connected: true });
    const ear = startAgentchat(served.home, ["listen", served.url, "#agents"]);
    try {
      await ear.tells(/listening to #agents/);
      await appendFile(file("quiet", "outbox.jsonl"), `${JSON.stringify({ to: "#agents", content: "my own word" })}\n`);
      await ear.prints(/my own word/);
      await served.run("send", served.url, "#agents", "a word of others");
      await ear.prints(/a word of others/);
    } finally {
      await ear.stop();
    }
    await daemon("--stop-all");
    const inbox = await readFile(file("quiet", "inbox.jsonl"), "utf8");
    expect(inbox).toContain("a word of others");
    expect(inbox).not.toContain("my own word");
  });

  it("says that daemons belong to their folder, where there is none", async () => {
    const elsewhere = await mkdtemp(join(tmpdir(), "agentchat-cli-"));
    const none = `no daemon in ${elsewhere}/.agentchat/daemons; daemons belong to the folder they were started in`;
    for (const [action, code] of [
      ["--status", 1],
      ["--stop", 1],
      ["--list", 0],
      ["--stop-all", 0],
    ] as const) {
      expect(await agentchat(elsewhere, "daemon", action)).toMatchObject({
        code,
        stdout: "",
        stderr: expect.stringContaining(none) as string,
      });
    }
    expect(await agentchat(elsewhere, "daemon", "--list", "--json")).toEqual({ code: 0, stdout: "[]\n", stderr: "" });
    await rm(elsewhere, { recursive: true, force: true });
  });

  it("stops all at once", async () => {
    const pids = await Promise.all(
      ["a", "b"].map(async (name) =>
        Number((await daemon(served.url, "-n", name, "-b", "--json")).stdout.replace(/\D+(\d+)\D+/, "$1")),
      ),
    );
    const ended = await daemon("--stop-all", "--json");
    expect(ended.code).toBe(0);
    expect((JSON.parse(ended.stdout) as Status[]).map(({ pid }) => pid).sort()).toEqual([...pids].sort());
    for (const pid of pids) await gone(pid);
  });

  it.concurrent.each([
    [[], 2, /which server\?/],
    [["URL", "--name", "../escape"], 2, /--name.*A-Z/],
    [["--name", "../escape", "--stop"], 2, /--name.*A-Z/],
    [["--stop", "--list"], 2, /one at a time/],
    [["--stop", "--name", "nobody"], 1, /no daemon nobody in .*\.agentchat\/daemons; there are: .*two/],
    [["--status", "--name", "nobody"], 1, /no daemon nobody in .*\.agentchat\/daemons; there are: .*two/],
    [["URL", "-n", "lost", "-b", "-i", "none.json"], 1, /agentchat identity --generate/],
    [["http://x", "-b"], 2, /ws:\/\/HOST:PORT/],
  ] as const)("says what is wrong and how to mend it: %j", async (args, code, words) => {
    const ended = await daemon(...args.map((arg) => (arg === "URL" ? served.url : arg)));
    expect(ended.stderr).toMatch(words);
    expect(ended).toMatchObject({ code, stdout: "" });
  });
});
