import { fileURLToPath } from "node:url";
import { runInThisContext } from "node:vm";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Viewer, WebSocket, type ViewerOptions } from "../../clients/typescript/visualisation/index.js";
import type { Scope } from "../../src/core/index.js";
import { Agent } from "../../src/index.js";
import { eventually, startBroker, type TestBroker } from "../kit/broker.js";
import { Chromium } from "../kit/chromium.js";
import { startProgram, type Program } from "../kit/cli.js";
import { NetworkSite } from "../kit/network-page.js";
import { issueToken } from "../kit/tokens.js";

const sources = fileURLToPath(new URL("../../clients/python/src", import.meta.url));

/** The document's connect snippet: `host` and `authToken` are what it calls so. */
const snippet = `
  const ws = new WebSocket(host + '/agents/ws', {
    headers: {
      'Authorization': \`Bearer \${authToken}\`,
      'X-Client-Version': '1.0.0',
      'X-Requested-Protocols': 'binary,json'
    }
  });
  return new Promise((resolve, reject) => {
    ws.onerror = () => reject(new Error('it is not connected'));
    ws.onclose = ({ code }) => reject(new Error('closed: ' + code));
    ws.onmessage = ({ data }) => {
      if (JSON.parse(data).type !== 'handshake_ack') return;
      ws.onclose = null;
      ws.close();
      resolve(JSON.parse(data));
    };
    ws.onopen = () => ws.send(JSON.stringify({
      type: 'handshake', version: '1.0.0', capabilities: ['binary', 'compression', 'multiplexing'],
      clientId: 'client-uuid', timestamp: '2024-01-10T12:00:00Z'
    }));
  });`;

/** Prints the first state and position that it hears, and what a command comes to. */
const reader = `
import asyncio, os
from synaptic_core.visualisation import CommandRefused, Viewer

async def main():
    async with Viewer(os.environ["HOST"] + "/", os.environ["TOKEN"]) as viewer:
        missing = {"agent.state.changed", "agent.positions"}
        async for event in viewer:
            if event.type in missing:
                missing.remove(event.type)
                print(event.type, flush=True)
            if not missing:
                break
        result = await viewer.execute("ada", "greet", {"whom": "eve"}, timeout_s=20)
        print(result["status"], result["result"]["message"], viewer.agents["ada"]["namespace"])
        try:
            await viewer.execute("nobody", "greet")
        except CommandRefused as refused:
            print(refused.code)

asyncio.run(main())
`;

describe("clients that look at agents", () => {
  let at: TestBroker;
  let host: string;
  let ada: Agent;
  let viewers: Viewer[];
  let programs: Program[];

  beforeEach(async () => {
    at = await startBroker();
    host = at.pan.replace(/\/pan$/, "");
    ada = await Agent.connect({ name: "ada", in: at.zmqIn, out: at.zmqOut });
    ada.onRequest(({ content }) => ({ message: `done: ${content.message}`, data: content["data"] }));
    viewers = [];
    programs = [];
  });
  afterEach(async () => {
    await Promise.all(viewers.map((viewer) => viewer.close()));
    for (const program of programs) await program.stop("SIGKILL");
    await ada.close();
    await at.stop();
  });

  const token = (...scopes: readonly Scope[]): Promise<string> => issueToken(at.dataDir, "eye", "jwt", { scopes });
  const looking = (path: string, options: Partial<ViewerOptions> = {}): Viewer => {
    const viewer = new Viewer(`${host}${path}`, { token: () => token("inspect", "control"), ...options });
    viewers.push(viewer);
    return viewer;
  };

  it.each([
    ["in binary, compressed", {}],
    ["in binary, by brotli", { compression: ["brotli"] as const }],
    ["in JSON, compressed", { binary: false }],
    ["in JSON", { binary: false, compression: false, multiplexing: false }],
    ["in version 1.0", { version: "1.0" as const }],
    ["in version 1.1", { version: "1.1" as const }],
    ["in version 2.0", { version: "2.0" as const }],
  ])("see who is there, what they do, where they are, how they fare: %s", async (_how, options) => {
    const viewer = looking("/api/visualisation/agents/ws", options);
    const heard = new Set<string>();
    viewer.on("*", ({ type }) => heard.add(type));
    const states: string[] = [];
    viewer.on("agent.state.changed", ({ payload }) => states.push(`${payload.agentId} ${payload.newState}`));
    await viewer.connect();
    const wanted = ["agent.registered", "agent.state.changed", "agent.positions", "system.metrics"];
    await eventually(() => wanted.every((type) => heard.has(type)), `${wanted.join()} of ${[...heard].join()}`);
    expect(states).toContain("ada IDLE");
    expect(viewer.agents).toContainEqual(expect.objectContaining({ agentId: "ada", namespace: "zmq" }));
  });

  it("see at the graph's endpoint what is said", async () => {
    const viewer = looking("/api/graph/ws");
    const stream = viewer.events("message.sent");
    await viewer.connect();
    const bob = await Agent.connect({ name: "bob", in: at.zmqIn, out: at.zmqOut });
    try {
      // What is said before a new viewer has been told who is there is not told to it.
      const heard = stream.next();
      let isHeard = false;
      void heard.then(() => (isHeard = true));
      await eventually(async () => {
        await bob.request("ada", "hello");
        return isHeard;
      }, "a message that was said");
      expect((await heard).value?.payload).toMatchObject({
        from: { id: expect.stringMatching(/^(?:ada|bob)$/) as string, namespace: "zmq" },
        content: { message: expect.stringContaining("hello") as string },
      });
    } finally {
      await bob.close();
    }
  });

  it("command agents and ask the broker, also in a channel", async () => {
    const viewer = looking("/api/control/ws");
    await viewer.connect();
    const { status, result } = await viewer.execute("ada", "sum", { numbers: [1, 2] });
    expect([status, result.data]).toEqual(["completed", { command: "sum", parameters: { numbers: [1, 2] } }]);
    await expect(viewer.execute("nobody", "sum")).rejects.toMatchObject({
      code: "AGENT_NOT_FOUND",
      suggestedAction: expect.any(String) as string,
    });
    expect(await viewer.ask("agents.list")).toMatchObject({ agents: [expect.objectContaining({ name: "ada" })] });
    expect(await viewer.configure("team-1", { topology: "MESH" })).toMatchObject({ "multi-agentId": "team-1" });
    const channel = await viewer.channel("ops", { priority: "high" });
    expect(channel.granted).toMatchObject({ channelId: "ops", priority: "high", bufferSize: 1_000, streams: [] });
    for (const command of ["one", "two"])
      expect(await viewer.execute("ada", command, {}, { channel })).toMatchObject({ status: "completed" });
    await channel.close();
  });

  it("hear a stream in its channel and nowhere else, and choose what comes", async () => {
    const viewer = looking("/");
    await viewer.connect();
    const channel = await viewer.channel("system.metrics");
    const stream = channel.events();
    expect((await stream.next()).value).toMatchObject({ type: "system.metrics", channel: "system.metrics" });
    expect(channel.missed).toBe(0);
    expect(await viewer.select(["system.metrics"])).toEqual(["agent.registered", "system.metrics"]);
  });

  it("are there again, with streams and channels, when the broker is", async () => {
    const { dataDir } = at;
    const port = new URL(host).port;
    const viewer = looking("/", { streams: ["system.metrics"] });
    await viewer.connect();
    const channel = await viewer.channel("ops");
    const again = new Promise((resolve) => {
      viewer.onOpen = resolve;
    });
    await at.broker.stop();
    at = await startBroker({ dataDir, ws: [`127.0.0.1:${port}`] });
    expect(await again).toMatchObject({ streams: ["agent.registered", "system.metrics"] });
    expect(await viewer.ask("ping", {}, { channel })).toMatchObject({});
  });

  it("are told why they may not look", async () => {
    const blind = new Viewer(`${host}/agents/ws`, { token: await token() });
    await expect(blind.connect()).rejects.toMatchObject({ code: "AUTH_FAILED" });
    await blind.close();
    const observing = looking("/", { token: await token("observe") });
    await observing.connect();
    await expect(observing.execute("ada", "sum")).rejects.toMatchObject({ name: "ViewerError", code: "AUTH_FAILED" });
  });

  it("connect in Node as the document writes it", async () => {
    const run = runInThisContext(`(WebSocket, host, authToken) => {${snippet}}`) as (
      ...given: unknown[]
    ) => Promise<object>;
    expect(await run(WebSocket, host, await token("observe"))).toMatchObject({
      type: "handshake_ack",
      protocols: ["binary", "json"],
      heartbeatInterval: 30_000,
      compression: "zlib",
    });
  });

  it("read in Python what agents do, and command them", async () => {
    const program = startProgram("/usr/bin/python3", ["-c", reader], {
      HOST: host,
      TOKEN: await token("inspect", "control"),
      PYTHONPATH: sources,
      PYTHONDONTWRITEBYTECODE: "1",
    });
    programs.push(program);
    const { code, stdout, stderr } = await program.ended;
    expect([code, stderr]).toEqual([0, ""]);
    const [one, other, greeted, refused] = stdout.split("\n");
    expect(new Set([one, other])).toEqual(new Set(["agent.positions", "agent.state.changed"]));
    expect([greeted, refused]).toEqual([expect.stringMatching(/^completed done: greet.* zmq$/), "AGENT_NOT_FOUND"]);
  });

  describe("in a web page", () => {
    let chromium: Chromium;
    let site: NetworkSite;
    beforeAll(async () => {
      chromium = await Chromium.start();
    });
    afterAll(() => chromium.stop());
    beforeEach(async () => {
      site = await NetworkSite.start(host.replace(/^ws/, "http"), "visualisation");
    });
    afterEach(() => site.stop());

    it("are one small file, and see, command and open what is compressed", async () => {
      const served = await fetch(`${host.replace(/^ws/, "http")}/sdk/visualisation.js`);
      expect((await served.text()).length).toBeLessThan(60_000);
      const page = await site.open(chromium);
      const told = await page.run(`
        const viewer = new Viewer(${JSON.stringify(`${host}/`)}, { token: ${JSON.stringify(await token("inspect", "control"))} });
        const wanted = new Set(["agent.registered", "agent.state.changed", "agent.positions", "system.metrics"]);
        const stream = viewer.events();
        await viewer.connect();
        for await (const { type } of stream) {
          wanted.delete(type);
          if (wanted.size === 0) break;
        }
        const { result } = await viewer.execute("ada", "greet");
        const refused = await viewer.execute("nobody", "greet").catch(({ code }) => code);
        const { capabilities, compression } = viewer.session;
        await viewer.close();
        return { capabilities, algorithm: compression.algorithm, data: result.data, refused, violations };
      `);
      expect(told).toEqual({
        capabilities: ["binary", "compression", "multiplexing"],
        algorithm: expect.stringMatching(/^(?:brotli|deflate)$/) as string,
        data: { command: "greet", parameters: {} },
        refused: "AGENT_NOT_FOUND",
        violations: [],
      });
    });

    it("connect as the document writes it", async () => {
      const page = await site.open(chromium);
      const given = `const host = ${JSON.stringify(host)}, authToken = ${JSON.stringify(await token("observe"))};`;
      expect(await page.run(`${given} ${snippet}`)).toMatchObject({
        type: "handshake_ack",
        protocols: ["binary", "json"],
      });
    });
  });
});
