import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Viewer, type ViewerOptions } from "../../../clients/typescript/visualisation/index.js";
import { VisualisationServer, type ServerLine } from "../../kit/visualisation-server.js";

type Fields = Readonly<Record<string, unknown>>;
const payloadOf = (message: Fields): Fields => message["payload"] as Fields;

/** Answers a command as the broker does. */
function result(message: Fields, line: ServerLine, more: Fields = {}): void {
  const { targetAgent, command } = payloadOf(message);
  const told = { targetAgent, status: "completed", result: { message: `done: ${String(command)}`, data: { n: 1 } } };
  line.answer(message, "control.result", { ...told, requestId: message["id"], durationMs: 5, ...more });
}

describe("a viewer that commands", () => {
  let server: VisualisationServer;
  let viewer: Viewer;
  beforeEach(async () => {
    server = await VisualisationServer.start();
    server.answers["control.execute"] = result;
    viewer = await viewing();
  });
  afterEach(async () => {
    await viewer.close();
    await server.stop();
  });

  const viewing = async (options: Partial<ViewerOptions> = {}): Promise<Viewer> => {
    const made = new Viewer(server.url, { token: "secret", answerTimeoutMs: 1_000, ...options });
    await made.connect();
    return made;
  };
  const said = (): Fields => server.last.heard.at(-1) ?? {};

  it("tells an agent to do something, and has its answer", async () => {
    const answer = await viewer.execute(
      "ada",
      "sum",
      { numbers: [1, 2] },
      { timeoutMs: 500, priority: "high", ttlMs: 9 },
    );
    expect(answer).toMatchObject({ targetAgent: "ada", status: "completed", result: { message: "done: sum" } });
    expect(said()).toMatchObject({
      type: "control.execute",
      payload: { targetAgent: "ada", command: "sum", parameters: { numbers: [1, 2] }, timeout: 500 },
      metadata: { priority: "high", ttl: 9 },
    });
  });

  it("knows which answer is whose, in whatever order they come", async () => {
    const asked: Fields[] = [];
    server.answers["control.execute"] = (message, line) => {
      asked.push(message);
      if (asked.length === 3) for (const each of asked.reverse()) result(each, line);
    };
    const answers = await Promise.all(["a", "b", "c"].map((command) => viewer.execute("ada", command)));
    expect(answers.map(({ result: { message } }) => message)).toEqual(["done: a", "done: b", "done: c"]);
  });

  it("is told why not, with the remedy", async () => {
    server.answers["control.execute"] = (message, line) => {
      line.answer(message, "error", {
        code: "AGENT_NOT_FOUND",
        message: "there is no agent bob; see agents.list",
        details: { requestId: message["id"], component: "control", stackTrace: null },
        recoverable: true,
        suggestedAction: "verify_agent_id",
      });
    };
    await expect(viewer.execute("bob", "sum")).rejects.toMatchObject({
      name: "ViewerError",
      code: "AGENT_NOT_FOUND",
      message: "there is no agent bob; see agents.list",
      suggestedAction: "verify_agent_id",
      recoverable: true,
    });
  });

  it("is told what an agent could not do as its answer", async () => {
    server.answers["control.execute"] = (message, line) => {
      result(message, line, { status: "failed" });
    };
    expect(await viewer.execute("ada", "sum")).toMatchObject({ status: "failed" });
  });

  it("waits for an answer no longer than it may take", async () => {
    delete server.answers["streams.select"];
    await viewer.close();
    viewer = await viewing({ answerTimeoutMs: 30 });
    await expect(viewer.select(["agent.positions"])).rejects.toMatchObject({ code: "TIMEOUT" });
  });

  it("asks the broker, and has the data alone", async () => {
    expect(await viewer.ask("rooms.list", { limit: 3 })).toEqual({ n: 1 });
    expect(said()).toMatchObject({
      payload: { targetAgent: "$broker", command: "rooms.list", parameters: { limit: 3 } },
    });
  });

  it("sets a multi-agent up", async () => {
    server.answers["control.multi-agent.configure"] = (message, line) => {
      line.answer(message, "control.multi-agent.configured", payloadOf(message));
    };
    const configuration = { topology: "HIERARCHICAL" };
    expect(await viewer.configure("team-1", configuration)).toEqual({ "multi-agentId": "team-1", configuration });
  });

  it("asks for a webhook, and says an id of its own choice", async () => {
    await viewer.execute("ada", "sum", {}, { webhook: "https://example.org/hook", id: "mine" });
    expect(said()).toMatchObject({
      id: "mine",
      payload: { callback: { type: "webhook", url: "https://example.org/hook" } },
    });
    const wrong = { webook: "x" } as object;
    await expect(viewer.execute("ada", "sum", {}, wrong)).rejects.toThrow("did you mean webhook?");
  });

  it("is told where the connection is lost before the answer: nobody knows whether it was done", async () => {
    server.answers["control.execute"] = (_message, line) => {
      line.socket.terminate();
    };
    await expect(viewer.execute("ada", "sum")).rejects.toMatchObject({
      code: "CONNECTION_FAILED",
      message: expect.stringContaining("not known") as string,
    });
  });

  it("chooses streams, also for the connections to come", async () => {
    expect(await viewer.select(["system.metrics"], 3)).toEqual(["system.metrics"]);
    const again = server.next();
    server.last.socket.terminate();
    await again;
    await viewer.connect();
    expect(said()).toMatchObject({ type: "handshake", streams: ["system.metrics"], positionRate: 3 });
  });

  it("has channels, hears what they carry, and counts what was dropped", async () => {
    const channel = await viewer.channel("perf", { priority: "high", bufferSize: 10, streams: ["system.metrics"] });
    expect(channel.granted).toMatchObject({ channelId: "perf", priority: "high", bufferSize: 10 });
    const both: string[] = [];
    channel.on("system.metrics", ({ channel: name }) => both.push(`in ${String(name)}`));
    viewer.on("system.metrics", ({ channel: name }) => both.push(`of ${String(name)}`));
    const stream = channel.events("system.metrics");
    const message = {
      id: "e",
      type: "system.metrics",
      timestamp: "2030-01-01T00:00:00Z",
      payload: { activeAgents: 1 },
    };
    for (const sequence of [1, 2, 5]) server.last.say({ channel: "perf", sequence, message });
    await stream.next();
    await stream.next();
    await stream.next();
    expect(both).toEqual(Array(3).fill(["in perf", "of perf"]).flat());
    expect(channel.missed).toBe(2);
    const next = stream.next();
    await channel.close();
    expect(await next).toEqual({ done: true, value: undefined });
    expect(said()).toMatchObject({ type: "channel.close", payload: { channelId: "perf" } });
  });

  it("commands in a channel, in order, and is answered in it", async () => {
    const channel = await viewer.channel("ops");
    server.answers["control.execute"] = (message, line) => {
      const answer = { targetAgent: "ada", status: "completed", result: { message: null, data: null } };
      const metadata = { correlationId: message["id"] };
      const told = { id: "r", type: "control.result", timestamp: "2030-01-01T00:00:00Z", payload: answer, metadata };
      line.say({ channel: "ops", sequence: 1, message: told });
    };
    for (const command of ["one", "two"]) await viewer.execute("ada", command, {}, { channel });
    expect(server.last.heard.slice(-2)).toMatchObject([
      { channel: "ops", sequence: 1, message: { payload: { command: "one" } } },
      { channel: "ops", sequence: 2, message: { payload: { command: "two" } } },
    ]);
  });

  it("has its channels again after a loss, from 1 on", async () => {
    const channel = await viewer.channel("ops");
    await viewer.execute("ada", "one", {}, { channel });
    const created = new Promise<void>((resolve) => {
      server.answers["channel.create"] = (message, line) => {
        line.answer(message, "channel.created", payloadOf(message));
        resolve();
      };
    });
    server.last.socket.terminate();
    await created;
    await viewer.execute("ada", "two", {}, { channel });
    expect(said()).toMatchObject({ channel: "ops", sequence: 1 });
  });

  it("is told of a channel that it cannot have", async () => {
    server.answers["channel.create"] = (message, line) => {
      line.answer(message, "error", { code: "INVALID_MESSAGE", message: "64 are open" });
    };
    await expect(viewer.channel("more")).rejects.toMatchObject({ code: "INVALID_MESSAGE", message: "64 are open" });
    server.answers["channel.create"] = (message, line) => {
      line.answer(message, "channel.created", payloadOf(message));
    };
    await viewer.channel("more");
    await expect(viewer.channel("more")).rejects.toThrow("open already");
  });
});
