import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Viewer } from "../../clients/typescript/visualisation/index.js";
import { auditLines } from "../ops/kit.js";
import { startCli } from "../kit/cli.js";
import { freeDoors, serveBroker, type Served } from "./served.js";

describe("broker start --demo, and broker top", () => {
  let served: Served;
  beforeAll(async () => {
    served = await serveBroker("--demo");
    await served.broker.prints(/Demo: six agents/);
  });
  afterAll(() => served.end());

  it("shows agents in all dialects, each marked as one of the demo", async () => {
    const viewer = new Viewer(`${served.at.ws}/agents/ws`, {
      token: (await readFile(join(served.dataDir, "operator-token"), "utf8")).trim(),
    });
    const dialects = new Set<string>();
    const all = new Promise<void>((resolve) => {
      viewer.on("agent.registered", ({ payload }) => {
        expect(payload).toMatchObject({ demo: true });
        dialects.add(payload.namespace);
        if (["zmq", "pan", "agentchat", "agent-network", "local"].every((each) => dialects.has(each))) resolve();
      });
    });
    await viewer.connect();
    await all;
    await viewer.close();
  });

  it("has them vote, come to a result, and answer nothing but what asks", async () => {
    const viewer = new Viewer(`${served.at.ws}/api/graph/ws`, {
      token: (await readFile(join(served.dataDir, "operator-token"), "utf8")).trim(),
      binary: false,
    });
    const said: string[] = [];
    let result: Readonly<Record<string, unknown>> | undefined;
    // The scene behind the vote asks the poet: by then whoever answers a result has done so.
    const behind = new Promise<void>((resolve) => {
      viewer.on("coordination.progress", ({ payload }) => {
        if (payload["status"] !== "VOTING") result ??= payload;
      });
      viewer.on("message.sent", ({ payload: { from, to, messageType, content } }) => {
        if (messageType !== "RESPONSE") return;
        if (to[0]?.id === "$broker") said.push(JSON.stringify(content));
        else if (result !== undefined && from.namespace === "agentchat") resolve();
      });
    });
    await viewer.connect();
    await behind;
    const { status, votes } = result ?? {};
    expect(["APPROVED", "REJECTED"]).toContain(status);
    expect(Object.keys(votes as object)).toHaveLength(4);
    for (const words of said) expect(words).toMatch(/"message":"(?:approve|reject)/);
    await viewer.close();
  });

  it("has each of them answer a command", async () => {
    const viewer = new Viewer(`${served.at.ws}/api/control/ws`, {
      token: (await readFile(join(served.dataDir, "operator-token"), "utf8")).trim(),
    });
    await viewer.connect();
    for (const agent of ["demo-planner", "demo-meter", "demo-scout", "demo-clerk"])
      expect(await viewer.execute(agent, "tell")).toMatchObject({ status: "completed" });
    await viewer.close();
  });

  it("is shown by broker top: a table into a pipe, JSON with --json", async () => {
    const text = await served.cli("top", "--count", "1");
    expect(text).toMatchObject({ code: 0, stderr: "" });
    expect(text.stdout).toMatch(/agent +dialect +state +says\/s +hears\/s +queue +answers in +trust/);
    expect(text.stdout).toMatch(/demo-scout \(demo\) +pan +[A-Z]+ /);
    expect(text.stdout).not.toContain("\u001b");
    const json = await served.cli("top", "--count", "2", "--json");
    const lines = json.stdout.trim().split("\n");
    expect(lines).toHaveLength(2);
    expect(JSON.parse(lines[1] ?? "")).toMatchObject({ system: { totalAgents: expect.any(Number) as number } });
  });

  it("says that no broker runs", async () => {
    const ended = await startCli(["top", "--data-dir", join(served.home, "nothing")]).ended;
    expect(ended).toMatchObject({ code: 3, stdout: "" });
  });

  it("leaves nothing behind", async () => {
    await served.broker.stop();
    expect(JSON.parse(await readFile(join(served.dataDir, "tokens.json"), "utf8"))).toEqual({ tokens: [] });
    const events = auditLines(join(served.dataDir, "audit.log")).map(({ event }) => event);
    expect(events).toContain("token.revoked");
    const again = startCli(["start", ...freeDoors, "--data-dir", served.dataDir]);
    await again.prints(/broker status/);
    expect((await served.cli("mailbox", "list")).stdout).toBe("");
    const named = await served.cli("send", "--from", "demo-clerk", "nobody-here", "hello");
    expect(named.stderr).toContain("no agent nobody-here is here");
    await again.stop();
  });
});

describe("broker start --demo without the doors that it needs", () => {
  it("says which, and ends", async () => {
    const home = await mkdtemp(join(tmpdir(), "synaptic-demo-"));
    const config = join(home, "config.json");
    await writeFile(config, JSON.stringify({ zmqIn: ["tcp://127.0.0.1:0"], zmqOut: ["tcp://127.0.0.1:0"], ws: [] }));
    const ended = await startCli(["start", "--demo", "--config", config, "--data-dir", join(home, "data")]).ended;
    expect(ended.code).not.toBe(0);
    expect(ended.stderr).toContain("the demo needs both ZeroMQ doors, and a WebSocket door without TLS");
    await rm(home, { recursive: true, force: true });
  });
});
