import { describe, expect, it } from "vitest";
import { Connection, type ConnectionPorts } from "../../../clients/typescript/agent-network/connection.js";
import { networkError, type NetworkError } from "../../../clients/typescript/agent-network/error.js";
import { parseFrame } from "../../../clients/typescript/agent-network/frames.js";
import { readSystem } from "../../../clients/typescript/agent-network/system-frames.js";
import { FakeClock } from "../../../src/conformance/fake-clock.js";
import { fakeSockets, type FakeWebSocket } from "../../kit/fake-web-socket.js";
import { networkMessage } from "../../kit/network-wire.js";

const heartbeatInterval = 30_000;

/** A connection whose clock and whose broker are the test. */
function world(more: Partial<ConnectionPorts> = {}) {
  const clock = new FakeClock();
  const sockets = fakeSockets();
  const told: string[] = [];
  const errors: NetworkError[] = [];
  const connection: Connection = new Connection({
    url: "ws://broker.example/agent-network/v1/connect",
    agentId: "ada",
    authToken: "token",
    WebSocket: sockets.WebSocket,
    clock,
    connectTimeoutMs: 10_000,
    stretch: () => 1,
    say: (messageType, content) => JSON.stringify({ messageType, content }),
    text: (text) => {
      const parsed = parseFrame(text);
      if ("frame" in parsed) connection.hear(readSystem(parsed.frame));
    },
    up: () => told.push("up"),
    down: ({ code }, willRetry) => told.push(`down ${code} ${willRetry ? "again" : "for good"}`),
    failed: (error) => errors.push(error),
    begun: () => undefined,
    silent: () => undefined,
    ...more,
  });
  const last = async (): Promise<FakeWebSocket> => {
    await new Promise(setImmediate);
    const socket = sockets.made.at(-1);
    if (socket === undefined) throw new Error("no connection was made");
    return socket;
  };
  const says = (socket: FakeWebSocket, messageType: string, content: object): void => {
    socket.tells(JSON.stringify(networkMessage("system", "ada", { messageType, content: { ...content } })));
  };
  const welcomes = (socket: FakeWebSocket): void => {
    socket.opens();
    says(socket, "CONNECTED", { connectionId: "c", heartbeatInterval, serverTime: 0 });
  };
  /** A connection that is up. */
  const up = async (): Promise<FakeWebSocket> => {
    const connected = connection.connect();
    const socket = await last();
    welcomes(socket);
    await connected;
    return socket;
  };
  return { clock, sockets, told, errors, connection, last, says, welcomes, up };
}

/** A JWT as it looks; nobody here verifies it. */
const jwt = (clock: FakeClock, endsInMs: number): string =>
  `h.${btoa(JSON.stringify({ exp: (clock.now() + endsInMs) / 1_000 })).replaceAll("=", "")}.s`;

const typesOf = (socket: FakeWebSocket): unknown[] =>
  socket.said.map((text) => {
    const { type, messageType } = JSON.parse(text) as { type?: string; messageType?: string };
    return type ?? messageType;
  });

describe("the connection of an agent", () => {
  it("says AUTH first and is there at CONNECTED", async () => {
    const { connection, last, welcomes, told } = world();
    const connected = connection.connect();
    const socket = await last();
    expect(connection.send("x")).toBe(false);
    welcomes(socket);
    await connected;
    expect(JSON.parse(socket.said[0] ?? "")).toEqual({ type: "AUTH", token: "token", agentId: "ada" });
    expect(told).toEqual(["up"]);
    expect(connection.send("x")).toBe(true);
  });

  it("is refused with the remedy, and a fixed token is not tried again", async () => {
    const { connection, last, says, clock, sockets } = world();
    const refused = expect(connection.connect()).rejects.toThrow(/wrong token.*broker token/);
    const socket = await last();
    socket.opens();
    says(socket, "ERROR", { errorCode: "AUTHENTICATION_FAILED", message: "wrong token", details: {} });
    socket.closes(4401);
    await refused;
    clock.advance(600_000);
    expect(sockets.made).toHaveLength(1);
  });

  it("asks a function for a token at each connect, and gives up after three refusals in a row", async () => {
    let asked = 0;
    const { connection, last, clock, sockets, errors } = world({ authToken: () => `token ${(asked += 1)}` });
    const refused = expect(connection.connect()).rejects.toMatchObject({ code: "AUTHENTICATION_FAILED" });
    for (let n = 1; n <= 3; n += 1) {
      const socket = await last();
      expect(sockets.made).toHaveLength(n);
      socket.opens();
      expect(socket.said[0]).toContain(`token ${n}`);
      socket.closes(4401, "no");
      clock.advance(1_500);
    }
    await refused;
    clock.advance(600_000);
    await last();
    expect(sockets.made).toHaveLength(3);
    expect(errors.at(-1)?.message).toMatch(/has to bring a token/);
  });

  it("renews a token before its end on the same line", async () => {
    let asked = 0;
    const { connection, up, clock, sockets } = world({
      authToken: () => jwt(clock, 3_600_000 + (asked += 1)),
      heartbeatMs: 10_000_000,
    });
    const socket = await up();
    clock.advance(3_500_000);
    await new Promise(setImmediate);
    expect(typesOf(socket).filter((type) => type === "AUTH")).toHaveLength(1);
    clock.advance(60_000);
    await new Promise(setImmediate);
    expect(typesOf(socket).filter((type) => type === "AUTH")).toHaveLength(2);
    expect(sockets.made).toHaveLength(1);
    expect(connection.phase).toBe("ready");
  });

  it("goes on asking for a token when the function fails", async () => {
    let asked = 0;
    const { up, clock, errors } = world({
      heartbeatMs: 10_000_000,
      authToken: () => {
        asked += 1;
        if (asked === 2) throw new Error("no network");
        return jwt(clock, 600_000);
      },
    });
    const socket = await up();
    for (let n = 0; n < 60; n += 1) {
      clock.advance(10_000);
      await new Promise(setImmediate);
    }
    expect(errors[0]?.message).toMatch(/no network/);
    expect(typesOf(socket).filter((type) => type === "AUTH").length).toBeGreaterThan(1);
  });

  it("is made again at once when it is lost, then after longer and longer waits up to 30 s", async () => {
    const { up, last, clock, sockets, told } = world();
    const socket = await up();
    clock.advance(5_000);
    socket.closes(1006);
    expect(told.slice(1)).toEqual(["down 1006 again"]);
    clock.advance(0);
    const waits: number[] = [];
    for (let n = 0; n < 12; n += 1) {
      (await last()).closes(1006);
      const made = sockets.made.length;
      let waited = 0;
      while (sockets.made.length === made) {
        clock.advance(100);
        await new Promise(setImmediate);
        waited += 100;
      }
      waits.push(waited);
    }
    expect(waits[0]).toBeGreaterThanOrEqual(800);
    expect(waits[0]).toBeLessThanOrEqual(1_300);
    expect(waits[1]).toBeGreaterThanOrEqual(1_200);
    expect(Math.max(...waits)).toBeLessThanOrEqual(30_100);
    expect(waits.at(-1)).toBeGreaterThanOrEqual(24_000);
  });

  it("does not hammer a broker that welcomes and hangs up", async () => {
    const { up, last, welcomes, clock, sockets } = world();
    (await up()).closes(1006);
    clock.advance(0);
    for (let n = 0; n < 3; n += 1) {
      const socket = await last();
      welcomes(socket);
      socket.closes(1006);
      clock.advance(500);
    }
    expect(sockets.made.length).toBeLessThanOrEqual(3);
  });

  it("comes back after 1001, 1013 and 4408, but not after it was displaced", async () => {
    const { up, last, welcomes, clock, sockets, told, errors, connection } = world();
    let socket = await up();
    for (const code of [1001, 1013, 4408]) {
      clock.advance(5_000);
      socket.closes(code);
      clock.advance(0);
      socket = await last();
      welcomes(socket);
      expect(connection.phase).toBe("ready");
    }
    clock.advance(5_000);
    socket.closes(4409, "displaced");
    expect(told.at(-1)).toBe("down 4409 for good");
    expect(errors.at(-1)?.message).toMatch(/another session.*call connect\(\)/);
    const made = sockets.made.length;
    clock.advance(600_000);
    await last();
    expect(sockets.made).toHaveLength(made);
  });

  it("counts a line as lost after three heartbeats without an echo", async () => {
    const { up, says, clock, told, sockets } = world();
    const socket = await up();
    for (let n = 0; n < 5; n += 1) {
      clock.advance(heartbeatInterval);
      says(socket, "HEARTBEAT", { timestamp: 0 });
    }
    clock.advance(3 * heartbeatInterval);
    expect(told).toEqual(["up"]);
    clock.advance(heartbeatInterval);
    expect(told).toContain("down 1006 again");
    expect(socket.endedBy).toBe("client");
    expect(typesOf(socket).filter((type) => type === "HEARTBEAT")).toHaveLength(8);
    clock.advance(0);
    await new Promise(setImmediate);
    expect(sockets.made).toHaveLength(2);
  });

  it("ends an attempt that hangs, and waits longer for the next", async () => {
    const { connection, last, clock, sockets } = world();
    const failed = expect(connection.connect()).rejects.toThrow(/longer than 10000 ms.*is the broker running/);
    const socket = await last();
    clock.advance(10_000);
    await failed;
    expect(socket.endedBy).toBe("client");
    clock.advance(0);
    await last();
    clock.advance(10_000);
    await last();
    expect(sockets.made).toHaveLength(2);
    clock.advance(7_000);
    await last();
    expect(sockets.made).toHaveLength(3);
  });

  it("ends an attempt whose token never comes", async () => {
    const { connection, clock } = world({ authToken: () => new Promise(() => undefined) });
    const failed = expect(connection.connect()).rejects.toThrow(/longer than/);
    clock.advance(10_000);
    await failed;
    await connection.close();
  });

  it("says why nothing answers, and keeps trying", async () => {
    const { connection, last, clock, sockets } = world();
    const failed = expect(connection.connect()).rejects.toThrow(/connect ECONNREFUSED.*tried again until close/);
    const socket = await last();
    socket.fails("connect ECONNREFUSED 127.0.0.1:1");
    socket.closes(1006);
    await failed;
    clock.advance(0);
    await last();
    expect(sockets.made).toHaveLength(2);
    await connection.close();
    clock.advance(600_000);
    await last();
    expect(sockets.made).toHaveLength(2);
    expect(clock.waiting).toBe(0);
  });

  it("says DISCONNECT and goes with the broker's 1000; a broker that says nothing is not waited for", async () => {
    const { connection, up, clock, told } = world();
    const socket = await up();
    const closed = connection.close();
    expect(typesOf(socket).at(-1)).toBe("DISCONNECT");
    clock.advance(1_000);
    await closed;
    expect(told.at(-1)).toBe("down 1000 for good");
    await expect(connection.connect()).rejects.toMatchObject({ code: "CLOSED" });
    expect(clock.waiting).toBe(0);
  });

  it.each([
    ["throws", () => Promise.reject(new Error("no network")), /authToken has failed: no network; it is tried again/],
    ["brings none", () => 5 as unknown as string, /has to bring a token, a text; it is tried again/],
    ["takes too long", () => new Promise<string>(() => undefined), /authToken took longer than 10000 ms/],
  ])("does not blame the broker where the function that is authToken %s", async (_, authToken, problem) => {
    const { connection, clock, sockets, errors } = world({ authToken });
    const connected = expect(connection.connect()).rejects.toMatchObject({ code: "AUTHENTICATION_ERROR" });
    await new Promise(setImmediate);
    clock.advance(10_000);
    await connected;
    expect(errors.at(-1)?.message).toMatch(problem);
    expect(errors.at(-1)?.message).not.toMatch(/broker/);
    expect(sockets.made).toEqual([]);
    await connection.close();
  });

  it("tells what the broker says about the login while it is up", async () => {
    const { up, says, errors } = world();
    const socket = await up();
    says(socket, "ERROR", { errorCode: "AUTHENTICATION_FAILED", message: "the token is of another", details: {} });
    says(socket, "ERROR", { errorCode: "MESSAGE_ERROR", message: "no", details: { originalMessageId: "m" } });
    expect(errors).toEqual([networkError("AUTHENTICATION_FAILED", "the token is of another", {})]);
    socket.closes(4401);
    expect(errors.at(-1)?.message).toMatch(/the token is of another; give a function as authToken/);
  });
});
