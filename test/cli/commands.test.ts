import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PlainAgent } from "../kit/plain-agent.js";
import { runCli, startCli, type Program } from "../kit/cli.js";

const doors = ["--zmq-in", "tcp://127.0.0.1:0", "--zmq-out", "tcp://127.0.0.1:0", "--ws", "127.0.0.1:0"];

describe("the broker command, through the real binary", () => {
  let home: string;
  let dataDir: string;
  let broker: Program;
  let at: { zmqIn: string; zmqOut: string };
  const cli = (...args: string[]) => runCli([...args, "--data-dir", dataDir]);

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), "synaptic-cli-"));
    dataDir = join(home, "data");
    broker = startCli(["start", ...doors, "--data-dir", dataDir]);
    await broker.prints(/broker status/);
    const endpoints = JSON.parse(await readFile(join(dataDir, "endpoints.json"), "utf8")) as {
      zmqIn: string[];
      zmqOut: string[];
    };
    at = { zmqIn: endpoints.zmqIn[0] ?? "", zmqOut: endpoints.zmqOut[0] ?? "" };
  });
  afterAll(async () => {
    await broker.stop();
    await rm(home, { recursive: true, force: true });
  });

  it("announces itself in at most ten lines: doors, who can reach them, the token, what to type next", async () => {
    const said = await broker.prints(/broker status/);
    expect(said.trimEnd().split("\n").length).toBeLessThanOrEqual(10);
    expect(said).toMatch(/this machine only/);
    expect(said).toContain(at.zmqIn);
    expect(said).toContain(at.zmqOut);
    expect(said).toMatch(/ws:\/\/127\.0\.0\.1:\d+\/pan/);
    expect(said).toContain(join(dataDir, "pan-token"));
  });

  it("keeps its folder and its secrets to its owner", async () => {
    expect((await stat(dataDir)).mode & 0o777).toBe(0o700);
    for (const secret of ["pan-token", "operator-token"])
      expect((await stat(join(dataDir, secret))).mode & 0o777).toBe(0o600);
  });

  it("shows its status, for people and as JSON, with sums that are right", async () => {
    const people = await cli("status");
    expect(people).toMatchObject({ code: 0 });
    expect(people.stdout).toMatch(/accepted = \d+ routed/);
    const { code, stdout } = await cli("status", "--json");
    expect(code).toBe(0);
    const { ledger } = JSON.parse(stdout) as {
      ledger: { messages: Record<"accepted" | "routed" | "stored" | "refused" | "unroutable" | "malformed", number> };
    };
    const { accepted, routed, stored, refused, unroutable, malformed } = ledger.messages;
    expect(accepted).toBe(routed + stored + refused + unroutable + malformed);
    expect(accepted).toBeGreaterThan(0);
  });

  it("sends and waits, lists agents and rooms", async () => {
    const ada = await new PlainAgent("ada", at, { topics: ["ada", "#lab"] }).meet();
    try {
      void ada
        .hears(({ message }) => message.type === "request")
        .then(({ message }) => ada.send(message.from, "response", "42", { in_reply_to: message.message_id }));
      expect(await cli("send", "ada", "how much?", "--wait")).toMatchObject({ code: 0, stdout: "42\n" });
      expect(await cli("send", "ada", "just so")).toMatchObject({ code: 0, stdout: "" });
      expect((await ada.hears()).message).toMatchObject({
        from: "operator",
        type: "inform",
        content: { message: "just so" },
      });
      expect(await cli("send", "lab", "to the room", "--room", "--from", "visitor")).toMatchObject({ code: 0 });
      expect(await ada.hears()).toMatchObject({ topic: "#lab", message: { from: "visitor" } });
      const agents = JSON.parse((await cli("agents", "--json")).stdout) as { name: string; dialect: string }[];
      expect(agents).toContainEqual(expect.objectContaining({ name: "ada", dialect: "zmq" }));
      const rooms = JSON.parse((await cli("rooms", "--json")).stdout) as { name: string; members: number }[];
      expect(rooms).toContainEqual(expect.objectContaining({ name: "#lab", members: 1 }));
      expect((await cli("rooms")).stdout).toMatch(/#general/);
    } finally {
      ada.close();
    }
  });

  it("sends beside an agent that is here, and takes an answer that names no question", async () => {
    const ada = await new PlainAgent("ada", at).meet();
    const bob = await new PlainAgent("bob", at).meet();
    try {
      void ada
        .hears(({ message }) => message.type === "request")
        .then(({ message }) => ada.send(message.from, "response", "42"));
      expect(await cli("send", "ada", "how much?", "--wait", "--from", "bob")).toMatchObject({
        code: 0,
        stdout: "42\n",
      });
    } finally {
      ada.close();
      bob.close();
    }
  });

  it("taps what passes, one JSON line each into a pipe, and ends on a signal", async () => {
    const tap = startCli(["tap", "--data-dir", dataDir]);
    const ada = await new PlainAgent("tapped", at).meet();
    try {
      for (
        let n = 0;
        !(
          await Promise.race([
            tap.prints(/seen by the tap/),
            new Promise<string>((resolve) => setTimeout(resolve, 100, "")),
          ])
        ).includes("seen by the tap");
        n += 1
      ) {
        if (n > 100) throw new Error("the tap heard nothing");
        await ada.send("tapped", "inform", "seen by the tap");
      }
      const { code, stdout } = await tap.stop("SIGINT");
      expect(code).toBe(0);
      const lines = stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as { content: { message: string } });
      expect(lines.some(({ content }) => content.message === "seen by the tap")).toBe(true);
    } finally {
      ada.close();
    }
  });

  it("makes tokens that a running broker takes at once: PLAIN on ZeroMQ", async () => {
    const both = await cli("token", "boss", "--json");
    expect(both.code).toBe(0);
    const { zmq, pan } = JSON.parse(both.stdout) as { zmq: string; pan: string };
    expect(new Set([zmq, pan]).size).toBe(2);
    const boss = await new PlainAgent("boss", at, { token: zmq }).meet();
    boss.close();
    expect(
      Object.keys(JSON.parse((await cli("token", "other", "--zmq", "--json", "--expires", "1h")).stdout) as object),
    ).toEqual(["agent", "zmq"]);
  });

  it.each([
    [["send", "ghost", "hi"], 4, /no agent ghost is here; broker agents lists those who are$/m],
    [
      ["send", "ghost", "hi", "--receipt"],
      4,
      /no agent ghost is here; .*; nor has it a mailbox .*: broker mailbox open ghost$/m,
    ],
    [["send", "ghost", "hi", "--wait"], 4, /no agent ghost is here/],
    [["send", "all", "hi", "--wait"], 2, /does not answer/],
    [["send", "ada", ""], 2, /nothing to say: TEXT is empty/],
    [
      ["send", "ada"],
      2,
      /^broker: missing required argument 'text'; did the shell take an unquoted #room for a comment\?/,
    ],
    [["send", "ada", "are", "you"], 2, /put the text in quotes/],
    [["token", "all"], 2, /reserved/],
    [["token", "ada", "--expires", "soon"], 2, /30d/],
    [["fly"], 2, /unknown command/],
    [["send", "#a b", "hi"], 2, /nothing can be sent to "#a b": a room is #/],
    [
      ["start", "--zmq-in", "ipc:///nope/in.sock"],
      2,
      /--zmq-in: ipc:\/\/\/nope\/in\.sock: there is no folder \/nope; make it/,
    ],
    [["start", "--ws", "0.0.0.0:0"], 4, /--behind-proxy|--insecure/],
    [["start", "--zmq-in", "tcp://0.0.0.0:0"], 4, /--behind-tunnel/],
    [["start", "--own", "morse=127.0.0.1:0"], 2, /--own: there is no dialect morse; there are pan, agentchat/],
    [["start", "--config", "/no/such/file"], 2, /there is no file .*; give another --config/],
    [["start", "--limit", "noSuchLimit=1"], 2, /--limit noSuchLimit: there is nothing of this name/],
  ] as const)("says what is wrong and how to mend it: %j", async (args, code, words) => {
    const ended = await cli(...args);
    expect(ended.stderr).toMatch(words);
    expect(ended).toMatchObject({ code, stdout: "" });
  });

  it("says that no broker runs, with exit code 3", async () => {
    const ended = await runCli(["status", "--data-dir", join(home, "elsewhere")]);
    expect(ended.code).toBe(3);
    expect(ended.stderr).toMatch(/broker start/);
  });

  it("refuses a second broker on a door in use, naming the door", async () => {
    const ended = await runCli([
      "start",
      "--zmq-in",
      at.zmqIn,
      "--zmq-out",
      "tcp://127.0.0.1:0",
      "--ws",
      "127.0.0.1:0",
      "--data-dir",
      join(home, "second"),
    ]);
    expect(ended.code).toBe(1); // not 4: the port may be free the next time
    expect(ended.stderr).toContain(new URL(at.zmqIn).port);
    expect(await cli("start", ...doors)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/a broker with pid \d+ uses the data directory/) as string,
    });
  });

  it("ends by a signal with everything cleaned up", async () => {
    const folder = join(home, "third");
    const third = startCli(["start", ...doors, "--data-dir", folder]);
    await third.prints(/broker status/);
    expect(await third.stop("SIGINT")).toMatchObject({ code: 0 });
    await expect(stat(join(folder, "endpoints.json"))).rejects.toThrow("ENOENT");
  });

  it("ends quietly when whoever reads it has gone", async () => {
    const { startProgram } = await import("../kit/cli.js");
    const piped = startProgram("bash", [
      "-c",
      `set -o pipefail; "${process.execPath}" bin/broker.js tap --data-dir "${dataDir}" | head -n 1`,
    ]);
    const ada = await new PlainAgent("piped", at).meet();
    const pump = setInterval(() => void ada.send("piped", "inform", "line"), 20);
    const ended = await piped.ended;
    clearInterval(pump);
    ada.close();
    expect(ended).toMatchObject({ code: 0 });
    expect(ended.stderr).not.toMatch(/EPIPE|at /);
  });
});
