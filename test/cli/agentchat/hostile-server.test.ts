import { open } from "node:fs/promises";
import { spawn } from "node:child_process";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FakeServer, type Peer } from "../../clients/agentchat/fake-server.js";
import type { Ended, Program } from "../../kit/cli.js";
import { binary, startAgentchat } from "./binary.js";

/** What the command says, and what the server answers. */
type Answers = readonly (readonly [string, object])[];

const evil = "\u001b[2J\u009b31m\u007f\u202e\u200f\u2028";
const steering = /[\u001b\u0007\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

describe("agentchat at a server", () => {
  let server: FakeServer;
  beforeAll(async () => {
    server = await FakeServer.start();
  });
  afterAll(() => server.stop());

  /** Runs a command; the server answers its frames, which come in this order. */
  async function meets(args: readonly string[], answers: Answers): Promise<Ended> {
    const program = startAgentchat(
      tmpdir(),
      args.map((arg) => (arg === "URL" ? server.url : arg)),
    );
    await answering(await server.welcome(`@me${evil}`), answers);
    return program.ended;
  }

  async function answering(peer: Peer, answers: Answers): Promise<void> {
    for (const [type, answer] of answers) {
      await peer.hears(type);
      peer.says(answer);
    }
  }

  it.each([
    [["channels", "URL"], [["LIST_CHANNELS", { type: "CHANNELS", list: [{ name: `#a${evil}`, agents: 1 }] }]]],
    [
      ["channels", "URL", "--json"],
      [["LIST_CHANNELS", { type: "CHANNELS", list: [{ name: `#a${evil}`, agents: 1 }] }]],
    ],
    [
      ["agents", "URL", "#a"],
      [["LIST_AGENTS", { type: "AGENTS", channel: "#a", list: [`@b${evil}`, "@c"], names: { "@c": `bob${evil}` } }]],
    ],
    [
      ["agents", "URL", "#a"],
      [
        [
          "LIST_AGENTS",
          { type: "ERROR", code: "CHANNEL_NOT_FOUND", message: `no ${evil} channel`, ref: "LIST_AGENTS" },
        ],
      ],
    ],
    [
      ["agents", "URL", "#a"],
      [["LIST_AGENTS", { type: "ERROR", code: `ODD${evil}`, message: `no ${evil} idea`, ref: "LIST_AGENTS" }]],
    ],
    [
      ["invite", "URL", "#a", "@b"],
      [
        ["JOIN", { type: "JOINED", channel: "#a", agents: [] }],
        ["INVITE", { type: "ERROR", code: "AGENT_NOT_FOUND", message: `no ${evil} agent`, ref: "INVITE" }],
        ["PING", { type: "PONG" }],
        ["LIST_AGENTS", { type: "AGENTS", channel: "#general", list: ["@x"], names: { [`@x${evil}`]: "b" } }],
        ["LIST_AGENTS", { type: "AGENTS", channel: "#agents", list: [] }],
      ],
    ],
  ] as [string[], Answers][])("%j: prints nothing of the server's that steers a terminal", async (args, answers) => {
    const ended = await meets(args, answers);
    expect(ended.stdout + ended.stderr).not.toMatch(steering);
    expect(ended.stdout + ended.stderr).toMatch(/\[2J/);
  });

  it.each(["listen", "connect"])("%s: prints nothing of the server's that steers a terminal", async (command) => {
    const program: Program = startAgentchat(
      tmpdir(),
      [command, server.url],
      command === "connect" ? { input: "/channels\n/agents\n/agents #odd\n" } : {},
    );
    const peer = await server.welcome(`@me${evil}`);
    await answering(peer, [["JOIN", { type: "JOINED", channel: "#general", agents: [] }]]);
    peer.says(
      { type: "MSG", from: `@b${evil}`, from_name: `b${evil}`, to: "#general", content: `hi${evil}`, msg_id: "1" },
      { type: "AGENT_JOINED", channel: `#x${evil}`, agent: `@b${evil}` },
      { type: "ERROR", code: "INTERNAL", message: `oh${evil}` },
    );
    if (command === "connect") {
      await answering(peer, [
        ["LIST_CHANNELS", { type: "CHANNELS", list: [{ name: `#a${evil}`, agents: 1 }] }],
        ["LIST_AGENTS", { type: "AGENTS", channel: "#general", list: [`@b${evil}`], names: {} }],
      ]);
      await answering(peer, [
        ["LIST_AGENTS", { type: "ERROR", code: "CHANNEL_NOT_FOUND", message: `no${evil}`, ref: "LIST_AGENTS" }],
      ]);
    } else {
      await program.tells(/oh/);
      program.process.kill("SIGTERM");
    }
    const { code, stdout, stderr } = await program.ended;
    expect(code).toBe(0);
    expect(stdout + stderr).not.toMatch(steering);
    expect(stderr).toMatch(/ as @me\ufffd\[2J/);
    expect(stderr).toMatch(/INTERNAL: oh\ufffd/);
    if (command === "listen") expect(JSON.parse(stdout.split("\n")[0] ?? "")).toMatchObject({ content: `hi${evil}` });
  });

  it("says which program cannot write its data", async () => {
    const full = await open("/dev/full", "w");
    const child = spawn(process.execPath, [binary, "channels", server.url], { stdio: ["ignore", full.fd, "pipe"] });
    let stderr = "";
    child.stderr?.on("data", (text: Buffer) => (stderr += text.toString()));
    const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
    await answering(await server.welcome(), [
      ["LIST_CHANNELS", { type: "CHANNELS", list: [{ name: "#a", agents: 1 }] }],
    ]);
    expect([await ended, stderr]).toEqual([
      1,
      expect.stringMatching(/^agentchat: the output cannot be written: .*ENOSPC/) as string,
    ]);
    await full.close();
  });

  it("that could not read a message, and names none, has refused it", async () => {
    const { code, stderr } = await meets(
      ["send", "URL", "#general", "hi"],
      [
        ["JOIN", { type: "JOINED", channel: "#general", agents: [] }],
        ["MSG", { type: "ERROR", code: "INVALID_MSG", message: "a message is 5 bytes at most" }],
      ],
    );
    expect({ code, stderr }).toEqual({
      code: 4,
      stderr:
        "agentchat: INVALID_MSG: a message is 5 bytes at most; the server does not say what it refuses, " +
        "so it is not known whether the message was taken: check before you send it again\n",
    });
  });

  it("that is gone before it has answered is told as that, with what to do", async () => {
    const program = startAgentchat(tmpdir(), ["send", server.url, "@bob", "hi"]);
    const peer = await server.welcome();
    await peer.hears("MSG");
    peer.socket.terminate();
    expect(await program.ended).toEqual({
      code: 4,
      stdout: "",
      stderr:
        "agentchat: the connection to the server was lost (closed: 1006) before it answered; " +
        "it is not known whether this was done: check that the server runs and what was done, then try again\n",
    });
  });
});
