import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  encodeCompressed,
  encodeCoordination,
  encodeError,
  encodeHeartbeat,
  encodeMetrics,
  encodePositions,
  encodeStates,
} from "../../../bridges/visualisation/binary/index.js";
import { compress } from "../../../bridges/visualisation/compression.js";
import { Viewer, type ViewerOptions } from "../../../clients/typescript/visualisation/index.js";
import { VisualisationServer } from "../../kit/visualisation-server.js";

interface Told {
  readonly type: string;
  readonly payload: unknown;
}

describe("a viewer", () => {
  let server: VisualisationServer;
  let viewers: Viewer[] = [];
  beforeEach(async () => {
    server = await VisualisationServer.start();
    viewers = [];
  });
  afterEach(async () => {
    await Promise.all(viewers.map((viewer) => viewer.close()));
    await server.stop();
  });

  const viewing = (options: Partial<ViewerOptions> = {}): Viewer => {
    const viewer = new Viewer(server.url, { token: "secret", ...options });
    viewers.push(viewer);
    return viewer;
  };
  const connected = async (options: Partial<ViewerOptions> = {}): Promise<Viewer> => {
    const viewer = viewing(options);
    await viewer.connect();
    return viewer;
  };
  const announce = (id: number, agentId: string): void => {
    server.last.event("agent.registered", { id, agentId, name: agentId, namespace: "pan" });
  };
  /** So many events, as `type` and `payload`. */
  const heardBy = async (viewer: Viewer, count: number): Promise<readonly Told[]> => {
    const heard: Told[] = [];
    for await (const { type, payload } of viewer.events()) {
      heard.push({ type, payload });
      if (heard.length === count) break;
    }
    return heard;
  };

  it("says who looks in a header, and what it can in the handshake", async () => {
    const viewer = await connected({ version: "2.0", streams: ["agent.positions"], positionRate: 5 });
    const { headers } = server.last.request;
    expect(headers.authorization).toBe("Bearer secret");
    expect(headers["sec-websocket-protocol"]).toBe("visualisation.v2");
    const [version, compression, handshake] = server.last.heard;
    expect(version).toMatchObject({
      type: "version.negotiate",
      supported: ["1.0", "1.1", "2.0"],
      preferred: "2.0",
    });
    expect(compression).toMatchObject({
      type: "compression.negotiate",
      algorithms: ["deflate", "gzip", "brotli"],
      preferredLevel: 6,
    });
    expect(handshake).toMatchObject({
      type: "handshake",
      capabilities: ["binary", "compression", "multiplexing"],
      streams: ["agent.positions"],
      positionRate: 5,
    });
    expect(handshake).not.toHaveProperty("token");
    expect(viewer.session).toMatchObject({
      sessionId: "s-1",
      version: "2.0",
      compression: { algorithm: "deflate", level: 6 },
    });
  });

  it("asks for as little as it is told to", async () => {
    await connected({ binary: false, compression: false, multiplexing: false });
    expect(server.last.heard).toMatchObject([{ type: "handshake", capabilities: [] }]);
  });

  it("hears events by their type, all of them, and one after the other", async () => {
    const viewer = await connected();
    const heard: string[] = [];
    viewer.on("agent.registered", ({ payload }) => heard.push(`registered ${payload.agentId}`));
    const off = viewer.on("*", ({ type }) => heard.push(type));
    const two = heardBy(viewer, 2);
    announce(1, "ada");
    server.last.event("system.metrics", { activeAgents: 1 });
    expect((await two).map(({ type }) => type)).toEqual(["agent.registered", "system.metrics"]);
    off();
    const third = heardBy(viewer, 1);
    server.last.event("system.metrics", { activeAgents: 2 });
    await third;
    expect(heard).toEqual(["registered ada", "agent.registered", "system.metrics"]);
    expect(viewer.agents).toMatchObject([{ agentId: "ada" }]);
  });

  it("hears the same in binary, by the names that were announced", async () => {
    const viewer = await connected();
    const all = heardBy(viewer, 7);
    announce(1, "ada");
    announce(2, "__proto__");
    server.last.bytes(
      ...encodePositions(
        Uint32Array.of(1, 9),
        Float32Array.from({ length: 12 }, (_, at) => at),
        undefined,
      ),
      ...encodeStates([
        { id: 1, state: 1, metadata: {} },
        { id: 2, state: 4, metadata: { why: "late" } },
      ]),
      ...encodeStates([{ id: 1, state: 2, metadata: { taskId: "t" } }]),
      encodeHeartbeat(1),
    );
    const [, , ...events] = (await all).filter(({ type }) => type !== "heartbeat");
    expect(events).toEqual([
      {
        type: "agent.positions",
        payload: { agents: [{ id: 1, agentId: "ada", x: 0, y: 1, z: 2, vx: 3, vy: 4, vz: 5 }] },
      },
      {
        type: "agent.state.changed",
        payload: { agentId: "ada", previousState: null, newState: "IDLE", reason: null, metadata: {} },
      },
      {
        type: "agent.state.changed",
        payload: {
          agentId: "__proto__",
          previousState: null,
          newState: "ERROR",
          reason: null,
          metadata: { why: "late" },
        },
      },
      {
        type: "agent.state.changed",
        payload: {
          agentId: "ada",
          previousState: "IDLE",
          newState: "EXECUTING",
          reason: null,
          metadata: { taskId: "t" },
        },
      },
    ]);
  });

  it("hears figures and coordination in binary", async () => {
    const viewer = await connected();
    const all = heardBy(viewer, 3);
    announce(1, "ada");
    const metrics = { id: 1, tasks: 3, success: 0.5, averageMs: null, cpu: 25, memory: null };
    server.last.bytes(encodeMetrics({ ...metrics, id: 9 }), encodeMetrics(metrics));
    server.last.bytes(encodeCoordination({ type: "coordination.progress", coordinationId: "c" }));
    expect((await all).slice(1)).toMatchObject([
      {
        type: "agent.performance.update",
        payload: {
          agentId: "ada",
          metrics: { tasksCompleted: 3, successRate: 0.5, resourceUtilization: 0.25, averageResponseTime: null },
          trends: null,
        },
      },
      { type: "coordination.progress", payload: { coordinationId: "c" } },
    ]);
  });

  it.each(["deflate", "gzip", "brotli"] as const)(
    "opens batches by %s, of frames and of messages",
    async (algorithm) => {
      const viewer = await connected({ compression: [algorithm] });
      const all = heardBy(viewer, 4);
      announce(1, "ada");
      const say = (bytes: Uint8Array): void => {
        server.last.bytes(encodeCompressed(bytes.length, compress(algorithm, 5, bytes)));
      };
      say(Buffer.concat(encodeStates([{ id: 1, state: 1, metadata: {} }])));
      const event = {
        id: "e",
        type: "system.metrics",
        timestamp: "2030-01-01T00:00:00Z",
        payload: { activeAgents: 1 },
      };
      say(Buffer.from(`${JSON.stringify(event)}\n${JSON.stringify(event)}\n`));
      expect((await all).map(({ type }) => type)).toEqual([
        "agent.registered",
        "agent.state.changed",
        "system.metrics",
        "system.metrics",
      ]);
    },
  );

  it.each([
    ["a batch that is larger than it claims", encodeCompressed(10, compress("deflate", 6, new Uint8Array(5000)))],
    ["a batch that is smaller than it claims", encodeCompressed(9000, compress("deflate", 6, new Uint8Array(5000)))],
    ["a batch that is damaged", encodeCompressed(10, Uint8Array.of(1, 2, 3))],
    ["a batch that claims gigabytes", encodeCompressed(0xffff_ffff, compress("deflate", 6, new Uint8Array(5000)))],
    ["no frame", Buffer.from("GNTA")],
  ])("leaves a broker that says %s, and connects again", async (_what, bytes) => {
    const viewer = await connected();
    const closed = new Promise((resolve) => {
      viewer.onClosed = (error, willRetry) => {
        resolve(`${error.code} ${String(willRetry)}: ${error.message}`);
      };
    });
    const again = server.next();
    server.last.bytes(bytes);
    expect(await closed).toMatch(/^CONNECTION_FAILED true: .*cannot be read/);
    await again;
  });

  it("takes no batch that it has not asked for", async () => {
    const viewer = await connected({ compression: false });
    const again = server.next();
    server.last.bytes(encodeCompressed(1, compress("deflate", 6, Uint8Array.of(0x41))));
    await again;
    await viewer.connect();
  });

  it("tells what is wrong and answers nothing", async () => {
    const viewer = await connected();
    const failed = new Promise((resolve) => {
      viewer.onFailed = resolve;
    });
    server.last.bytes(encodeError({ code: "INVALID_MESSAGE", message: "that was none", recoverable: false }));
    expect(await failed).toMatchObject({ code: "INVALID_MESSAGE", message: "that was none", recoverable: false });
  });

  it("drops the oldest where nobody takes what comes, and counts", async () => {
    const viewer = await connected();
    const stream = viewer.events("system.metrics");
    const last = new Promise((resolve) => viewer.on("agent.registered", resolve));
    for (let at = 0; at < 10_003; at += 1) server.last.event("system.metrics", { activeAgents: at });
    announce(1, "ada");
    await last;
    expect(stream.dropped).toBe(3);
    expect((await stream.next()).value).toMatchObject({ payload: { activeAgents: 3 } });
    await stream.return();
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  it("ends what waits for it when it is closed", async () => {
    const viewer = await connected();
    const stream = viewer.events();
    const next = stream.next();
    const result = viewer.execute("ada", "work");
    await Promise.all([viewer.close(), expect(result).rejects.toMatchObject({ code: "CONNECTION_FAILED" })]);
    expect(await next).toEqual({ done: true, value: undefined });
    await expect(viewer.connect()).rejects.toMatchObject({ code: "CLOSED" });
    await expect(viewer.ask("rooms.list")).rejects.toMatchObject({ code: "CONNECTION_FAILED" });
  });

  it("refuses options that are none", () => {
    const options = { token: "x", positionrate: 3 } as unknown as ViewerOptions;
    expect(() => new Viewer(server.url, options)).toThrow("did you mean positionRate?");
    expect(() => new Viewer(server.url, { token: "" })).toThrow("token is");
    expect(() => new Viewer(server.url, { token: "x", positionRate: 60 })).toThrow("1 to 30");
    expect(() => new Viewer(server.url, { token: "x", heartbeatMs: 0 })).toThrow("heartbeatMs");
    expect(() => new Viewer("example.org", { token: "x" })).toThrow("ws://");
  });
});
