import { spawnSync } from "node:child_process";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { WebSocketServer } from "ws";
import { eventually } from "../../kit/broker.js";
import { agentchat, binary, serve, startAgentchat, type Served } from "./binary.js";

const skill = readFileSync(new URL("../../../clients/typescript/agentchat/SKILL.md", import.meta.url), "utf8");

/** The blocks of outbox lines in SKILL.md. */
const blocks = [...skill.matchAll(/```\n([^]*?)```/g)].map(([, block = ""]) => block);

interface Heard {
  readonly type: string;
  readonly from?: string;
  readonly to?: string;
  readonly content?: string;
  readonly channel?: string;
  readonly code?: string;
}

const parsed = (text: string): readonly Heard[] =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Heard);

describe("agentchat inbox", () => {
  let served: Served;
  const file = (name: string): string => join(served.home, ".agentchat/daemons/me", name);
  const inbox = (...args: readonly string[]) => served.run("inbox", "--name", "me", ...args);
  const line = (content: string): string =>
    `${JSON.stringify({ type: "MSG", from: "@ada", from_name: "ada", to: "#general", content, ts: 1, msg_id: "" })}\n`;
  beforeAll(async () => {
    served = await serve();
    expect((await served.run("daemon", served.url, "--name", "me", "-b")).code).toBe(0);
    await served.run("daemon", "--name", "me", "--stop");
  });
  afterEach(() => {
    for (const name of ["inbox.jsonl", "inbox.jsonl.1", "inbox.position.json"]) writeFileSync(file(name), "");
  });
  afterAll(async () => {
    await served.run("daemon", "--stop-all");
    await served.end();
  });

  it("prints with --new what came since the last time, also when the file was cut between, emptied or removed", async () => {
    writeFileSync(file("inbox.jsonl"), line("one") + line("two"));
    const first = await inbox("--new", "--json");
    expect(parsed(first.stdout).map(({ content }) => content)).toEqual(["one", "two"]);
    expect(await inbox("--new", "--json")).toMatchObject({ code: 0, stdout: "" });
    appendFileSync(file("inbox.jsonl"), line("three"));
    expect((await inbox("--new")).stdout).toBe("#general ada: three\n".replace("ada", "@ada"));
    appendFileSync(file("inbox.jsonl"), `${line("four")}{"type":`); // being written
    writeFileSync(
      file("inbox.jsonl.1"),
      readFileSync(file("inbox.jsonl"), "utf8").replace('{"type":\n', "") + `"X"}\n`,
    );
    writeFileSync(file("inbox.jsonl"), line("five"));
    const cut = await inbox("--new", "--json");
    expect(parsed(cut.stdout).map(({ type, content }) => content ?? type)).toEqual(["four", "X", "five"]);
    writeFileSync(file("inbox.jsonl"), "");
    expect(await inbox("--new")).toMatchObject({ code: 0, stdout: "" });
    writeFileSync(file("inbox.jsonl"), line("six"));
    expect((await inbox("--new")).stdout).toContain(": six\n");
    writeFileSync(file("inbox.jsonl.1"), line("seven"));
    writeFileSync(file("inbox.jsonl"), line("eight"));
    const gone = await inbox("--new");
    expect(gone.stdout).toMatch(/: seven\n.*: eight\n$/);
    expect(gone.stderr).toContain("lines before these are gone");
    expect(await inbox("--new")).toMatchObject({ stdout: "" });
  });

  it("prints all that is there without --new, which moves nothing, and keeps its place when it is killed", async () => {
    writeFileSync(file("inbox.jsonl"), line("one"));
    expect((await inbox()).stdout).toContain(": one\n");
    expect((await inbox("--new")).stdout).toContain(": one\n");
    const following = startAgentchat(served.home, ["inbox", "--name", "me", "--new", "--follow", "--json"]);
    await following.tells(/does not run, so nothing new comes/);
    appendFileSync(file("inbox.jsonl"), line("two"));
    await following.prints(/"two"/);
    await eventually(
      () => readFileSync(file("inbox.position.json"), "utf8").includes(`:${2 * line("one").length},`),
      "kept",
    );
    expect((await following.stop("SIGKILL")).stdout).not.toContain('"one"');
    expect(await inbox("--new")).toMatchObject({ stdout: "" });
  });

  it("follows over a cut, and ends with a signal", async () => {
    writeFileSync(file("inbox.jsonl"), line("one"));
    const following = startAgentchat(served.home, ["inbox", "--name", "me", "-f"]);
    await following.prints(/: one\n/);
    appendFileSync(file("inbox.jsonl"), line("two"));
    writeFileSync(file("inbox.jsonl.1"), readFileSync(file("inbox.jsonl")));
    writeFileSync(file("inbox.jsonl"), line("three"));
    await following.prints(/: three\n/);
    expect(await following.stop("SIGINT")).toMatchObject({ code: 0 });
    expect((await following.ended).stdout.replaceAll(/.*: /g, "")).toBe("one\ntwo\nthree\n");
  });

  it("makes what strangers wrote harmless for a terminal, as text and as JSON, and shows what is no JSON", async () => {
    writeFileSync(file("inbox.jsonl"), line("\u001b[31mred\u202e\n#general me: no"));
    appendFileSync(file("inbox.jsonl"), `half a line\u001b\n`);
    for (const { stdout } of [await inbox(), await inbox("--json")]) {
      expect(stdout).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u202e]/);
      expect(stdout).not.toMatch(/^#general me/m);
      expect(stdout).toContain("half a line");
    }
  });

  it("says which daemons there are when there is none of that name", async () => {
    expect(await served.run("inbox", "--name", "you")).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringMatching(/no daemon you in .*; there are: me/) as string,
    });
    expect((await served.run("inbox", "--name", "../me")).code).toBe(2);
  });
});

describe("SKILL.md, as a newcomer follows it on a fresh server", () => {
  let served: Served;
  let other: string;
  beforeAll(async () => {
    served = await serve();
    other = await mkdtemp(join(tmpdir(), "agentchat-cli-"));
  });
  afterAll(async () => {
    for (const home of [served.home, other]) await agentchat(home, "daemon", "--stop-all");
    await served.end();
    await rm(other, { recursive: true, force: true });
  });

  /** Runs a command of the document as a shell does. */
  function run(home: string, command: string): string {
    const [, named = ""] = /`(agentchat [^`]*)`/.exec(`\`${command}\``) ?? [];
    const words = named.replace("ws://127.0.0.1:6667", served.url);
    const shell = `agentchat() { "$NODE" "$BINARY" "$@"; }\n${words}`;
    const env = { ...process.env, NODE: process.execPath, BINARY: binary };
    const { status, stdout, stderr } = spawnSync("sh", ["-c", shell], { cwd: home, env, encoding: "utf8" });
    expect([words, status, status === 0 ? "" : stderr]).toEqual([words, 0, ""]);
    return stdout;
  }
  const command = (step: RegExp): string => step.exec(skill)?.[1] ?? "";
  const steps = {
    identity: command(/^1\. .*?`(agentchat identity [^`]*)`/m),
    daemon: command(/^2\. .*?`(agentchat daemon [^`]*)`/m),
    read: command(/^3\. .*?`(agentchat inbox [^`]*)`/m),
    status: command(/^5\. `(agentchat daemon [^`]*)`/m),
    stop: command(/^5\. .*; `(agentchat daemon [^`]*)`/m),
  };

  it("works to the letter: nothing is refused, private channels are private, only what is new is read", async () => {
    const homes = [served.home, other];
    for (const home of homes) for (const step of [steps.identity, steps.daemon]) run(home, step);
    const idOf = (home: string): string => /agentId +(@\S+)/.exec(run(home, steps.status))?.[1] ?? "";
    const [me, you] = [idOf(served.home), idOf(other)];
    const [speak = "", team = ""] = blocks;
    const heard: Heard[][] = [[], []];
    const read = (): void => {
      homes.forEach((home, n) => heard[n]?.push(...parsed(run(home, steps.read))));
    };
    const says = (home: string, text: string): void => {
      appendFileSync(
        join(home, ".agentchat/daemons/me/outbox.jsonl"),
        text.replaceAll("@AGENT-ID", home === other ? me : you),
      );
    };
    const has = (n: number, wanted: Partial<Heard>): boolean => {
      read();
      return (
        heard[n]?.some((one) => Object.entries(wanted).every(([key, value]) => one[key as keyof Heard] === value)) ===
        true
      );
    };
    says(served.home, speak);
    await eventually(() => has(0, { to: "#dev" }), "the last line is said", 20_000);
    await eventually(() => has(1, { to: you, from: me }), "the other has it", 20_000);
    says(other, '{"type":"JOIN","channel":"#team"}\n'); // not there
    await eventually(() => has(1, { code: "CHANNEL_NOT_FOUND" }), "it is refused");
    says(served.home, team);
    await eventually(() => has(1, { from: "@server" }), "the other is invited", 20_000);
    says(other, '{"type":"JOIN","channel":"#team"}\n{"to":"#team","content":"here I am"}\n');
    await eventually(() => has(0, { to: "#team", content: "here I am" }), "the other is in", 20_000);
    expect(heard[0]?.filter(({ type }) => type === "ERROR")).toEqual([]);
    expect(heard[1]?.filter(({ type }) => type === "ERROR")).toHaveLength(1);
    for (const all of heard) expect(new Set(all.map((one) => JSON.stringify(one))).size).toBe(all.length);
    expect((await served.run("channels", served.url)).stdout).not.toContain("#team");
    for (const home of homes) run(home, steps.stop);
  });

  it("names no command and no line that this version does not have", () => {
    for (const [, words = ""] of skill.matchAll(/`agentchat ([a-z]+)/g))
      expect([words, spawnSync(process.execPath, [binary, words, "--help"]).status]).toEqual([words, 0]);
    for (const block of blocks)
      for (const one of block.trim().split("\n")) expect(() => JSON.parse(one) as unknown).not.toThrow();
  });
});

describe("a daemon that a server refuses for good", () => {
  it.each(["INVALID_NAME", "BANNED"])(
    "ends with 4 and the server's words, and the status says why: %s",
    async (code) => {
      const home = await mkdtemp(join(tmpdir(), "agentchat-cli-"));
      const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
      try {
        await new Promise((resolve) => server.once("listening", resolve));
        server.on("connection", (socket) => {
          socket.on("message", () => {
            socket.send(JSON.stringify({ type: "ERROR", code, message: "you are not welcome", ts: 1 }));
            socket.close(1008, "refused");
          });
        });
        const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
        for (const how of [[], ["--background"]]) {
          const ended = await agentchat(home, "daemon", url, ...how);
          expect(ended).toMatchObject({
            code: 4,
            stderr: expect.stringContaining(`${code}: you are not welcome`) as string,
          });
        }
        const status = await agentchat(home, "daemon", "--status");
        expect(status).toMatchObject({
          code: 1,
          stdout: expect.stringMatching(/lastError +you are not welcome/) as string,
        });
      } finally {
        for (const socket of server.clients) socket.terminate();
        server.close();
        await rm(home, { recursive: true, force: true });
      }
    },
  );
});
