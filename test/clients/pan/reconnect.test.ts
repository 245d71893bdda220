import { EventEmitter, once as heard } from "node:events";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { WebSocketServer, type WebSocket } from "ws";
import { PanClient } from "../../../clients/typescript/pan/client.js";

interface Said {
  readonly type: string;
  readonly room?: string;
}

/** One frame of the client, on which connection (from 1) it came, and how to answer. */
interface Turn {
  readonly said: Said;
  readonly connection: number;
  readonly socket: WebSocket;
  readonly answer: (frame: object | string) => void;
}

const welcome = { type: "system", status: "success", message: "Welcome to PAN v1.0" };
const error = (code: string, more: object = {}): object => ({ type: "error", code, message: code, ...more });

/** What a well-behaved server answers. */
function plain({ said, answer }: Turn): void {
  if (said.type === "auth") answer(welcome);
  if (said.type === "list") answer({ type: "list", agents: [] });
  if (said.type === "join" || said.type === "leave")
    answer({ type: "system", status: said.type === "join" ? "joined" : "left", room: said.room, message: "" });
}

describe("the PAN client and a server that says what it likes", () => {
  const clients: PanClient[] = [];
  const servers: WebSocketServer[] = [];
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((made) => made.close()));
    for (const server of servers.splice(0)) {
      for (const socket of server.clients) socket.terminate();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    }
  });

  async function scripted(
    script: (turn: Turn) => void,
  ): Promise<{ url: string; sockets: WebSocket[]; said: string[]; turns: EventEmitter }> {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    servers.push(server);
    await heard(server, "listening");
    const [sockets, said, turns]: [WebSocket[], string[], EventEmitter] = [[], [], new EventEmitter()];
    server.on("connection", (socket) => {
      const connection = sockets.push(socket);
      socket.on("message", (data: Buffer) => {
        const frame = JSON.parse(data.toString()) as Said;
        said.push(`${connection} ${frame.type}${frame.room ?? ""}`);
        const answer = (reply: object | string): void => {
          socket.send(typeof reply === "string" ? reply : JSON.stringify(reply));
        };
        script({ said: frame, connection, socket, answer });
        turns.emit(frame.type);
      });
    });
    return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/pan`, sockets, said, turns };
  }

  function client(url: string, answerTimeoutMs = 5_000): PanClient {
    const made = new PanClient({ url, agentId: "ada", token: "t", answerTimeoutMs });
    clients.push(made);
    return made;
  }

  const first = async (from: EventEmitter, event: string): Promise<unknown> => (await heard(from, event))[0] as unknown;

  function record(from: PanClient, event: "reconnecting" | "refused" | "close"): unknown[] {
    const all: unknown[] = [];
    from.on(event, (one: unknown) => {
      all.push(one);
    });
    return all;
  }

  it("joins more rooms than the burst again, one at a time, and waits as long as it is told", async () => {
    let [tokens, limits] = [10, 0];
    const server = await scripted((turn) => {
      if (turn.connection === 1 || turn.said.type !== "join" || tokens > 0) {
        if (turn.connection > 1 && turn.said.type === "join") tokens -= 1;
        plain(turn);
        return;
      }
      limits += 1;
      setTimeout(() => (tokens = 1), 60);
      turn.answer(error("RATE_LIMIT", { retryAfter: 70 }));
    });
    const ada = client(server.url);
    await ada.connect();
    const rooms = Array.from({ length: 12 }, (_, n) => `#r${n}`);
    for (const room of rooms) await ada.join(room);
    const [retries, refused] = [record(ada, "reconnecting"), record(ada, "refused")];
    const back = heard(ada, "open");
    server.sockets[0]?.terminate();
    await back;
    expect(limits).toBe(2); // one refusal for each room beyond the burst, not one for each attempt
    expect([...new Set(server.said.filter((line) => line.startsWith("2 join")))]).toEqual(
      rooms.map((room) => `2 join${room}`),
    );
    expect(server.sockets).toHaveLength(2);
    expect([retries.length, refused]).toEqual([1, []]);
  });

  it("drops a room that refuses it, says so, and stays connected", async () => {
    const server = await scripted((turn) => {
      if (turn.connection > 1 && turn.said.room === "#gone") turn.answer(error("NOT_INVITED"));
      else plain(turn);
    });
    const ada = client(server.url);
    await ada.connect();
    for (const room of ["#gone", "#lab"]) await ada.join(room);
    const refused = record(ada, "refused");
    for (const socket of [0, 1]) {
      const back = heard(ada, "open");
      server.sockets[socket]?.terminate();
      await back;
    }
    expect(refused).toMatchObject([{ code: "NOT_INVITED", room: "#gone" }]);
    expect(server.said.filter((line) => line.includes("join")).slice(2)).toEqual([
      "2 join#gone",
      "2 join#lab",
      "3 join#lab",
    ]);
  });

  it("opens one socket after a loss during the rejoin, and not at once", async () => {
    const server = await scripted((turn) => {
      if (turn.connection === 2 && turn.said.type === "join") turn.socket.terminate();
      else plain(turn);
    });
    const ada = client(server.url);
    await ada.connect();
    await ada.join("#lab");
    const retries = record(ada, "reconnecting") as { inMs: number }[];
    const back = heard(ada, "open");
    server.sockets[0]?.terminate();
    await back;
    await ada.list();
    expect(server.sockets).toHaveLength(3);
    expect(retries).toHaveLength(2);
    expect(retries[1]?.inMs).toBeGreaterThanOrEqual(800);
  });

  it("does not rejoin what it left while the join was under way", async () => {
    const server = await scripted(plain);
    const ada = client(server.url);
    await ada.connect();
    await Promise.all([ada.join("#lab"), ada.leave("#lab")]);
    const back = heard(ada, "open");
    server.sockets[0]?.terminate();
    await back;
    expect(server.said).not.toContain("2 join#lab");
  });

  it("stays closed when it is closed during its login", async () => {
    const closing: Promise<void>[] = [];
    const server = await scripted((turn) => {
      closing.push(ada.close());
      plain(turn);
    });
    const ada = client(server.url);
    const retries = record(ada, "reconnecting");
    await expect(ada.connect()).rejects.toMatchObject({ code: "CLOSED" });
    await Promise.all(closing);
    await expect(ada.list()).rejects.toMatchObject({ code: "CLOSED" });
    await expect(ada.connect()).rejects.toMatchObject({ code: "CLOSED" });
    expect([server.sockets.length, retries.length]).toEqual([1, 0]);
  });

  it.each(["auth", "join"])("stays closed when it is closed at %s while it comes back", async (at) => {
    const server = await scripted((turn) => {
      if (turn.connection === 2 && turn.said.type === at) closing = ada.close();
      plain(turn);
    });
    let closing: Promise<void> | undefined;
    const ada = client(server.url);
    await ada.connect();
    for (const room of ["#one", "#two"]) await ada.join(room);
    let opened = 0;
    ada.on("open", () => (opened += 1));
    const retries = record(ada, "reconnecting");
    const reached = heard(ada, "reconnecting").then(() => heard(server.turns, at));
    server.sockets[0]?.terminate();
    await reached;
    await closing;
    expect([server.sockets.length, retries.length, opened]).toEqual([2, 1, 0]);
    expect(() => {
      ada.say("bob", "hello");
    }).toThrow(expect.objectContaining({ code: "CLOSED" }) as Error);
  });

  it("opens nothing when it is closed between two attempts", async () => {
    const server = await scripted(plain);
    const ada = client(server.url);
    await ada.connect();
    const closed = new Promise<void>((resolve) => {
      ada.once("reconnecting", () => void ada.close().then(resolve));
    });
    server.sockets[0]?.terminate();
    await closed;
    // a timer left over would have fired: the first wait is 0
    await new Promise((resolve) => setImmediate(() => setTimeout(resolve, 20)));
    expect(server.sockets).toHaveLength(1);
  });

  it.each([
    ["the loop guard's notice", error("RATE_LIMIT")],
    ["an error about a chat", error("INVALID_FORMAT", { messageId: "m1" })],
    ["a code that no join gets", error("AGENT_ID_IN_USE")],
  ])("does not take %s for the answer to a join", async (_, notice) => {
    const server = await scripted((turn) => {
      if (turn.said.type === "join") turn.answer(notice);
      plain(turn);
    });
    const ada = client(server.url);
    await ada.connect();
    const refused = first(ada, "refused");
    await ada.join("#lab");
    expect(await refused).toEqual(notice);
  });

  it("refuses a call by order, with retryAfter, even behind one that was given up", async () => {
    const server = await scripted((turn) => {
      if (turn.said.type === "list") return;
      if (turn.said.room === "#lab") turn.answer(error("RATE_LIMIT", { retryAfter: 5 })); // the late answer to list
      if (turn.said.room === "#full") turn.answer(error("RATE_LIMIT", { retryAfter: 7 }));
      else plain(turn);
    });
    const ada = client(server.url, 300);
    await ada.connect();
    await expect(ada.list()).rejects.toMatchObject({ code: "TIMEOUT" });
    await ada.join("#lab");
    await expect(ada.join("#full")).rejects.toMatchObject({ code: "RATE_LIMIT", retryAfter: 7 });
  });

  it("lives through frames that are not PAN, and keeps what it does not know", async () => {
    const chat = {
      type: "chat",
      from: "bob",
      fromName: "Bob",
      to: "ada",
      text: "hi",
      timestamp: "2026-01-01T00:00:00.000Z",
      mood: "blue",
    };
    const garbage = ["{", "5", "null", "[]", '{"type":7}', '{"type":"chat","text":1}', '{"type":"list","agents":5}'];
    const server = await scripted((turn) => {
      plain(turn);
      if (turn.said.type !== "auth") return;
      for (const frame of [
        ...garbage,
        '{"type":"constructor"}',
        '{"type":"hologram"}',
        '{"type":"system","status":"dancing","message":""}',
      ])
        turn.answer(frame);
      turn.answer({ ...chat, intent: "song", replyTo: 5, messageId: {} });
    });
    const ada = client(server.url);
    const [refused, heardChat] = [record(ada, "refused"), first(ada, "chat")];
    const systems: unknown[] = [];
    ada.on("system", (event) => systems.push(event));
    await ada.connect();
    expect(await heardChat).toEqual({ ...chat, replyTo: "5" });
    expect(await ada.list()).toEqual([]);
    expect(refused).toEqual(garbage.map(() => expect.objectContaining({ type: "error", code: "INTERNAL" }) as unknown));
    expect(systems).toEqual([]);
  });

  it.each([["RATE_LIMIT"], ["room_full"], ["INTERNAL"]])(
    "tries again when %s meets it at the door, no sooner than it is told",
    async (code) => {
      const server = await scripted((turn) => {
        if (turn.connection === 1) plain(turn);
        else {
          turn.answer(error(code, { retryAfter: 5_000 }));
          turn.socket.close(1008);
        }
      });
      const ada = client(server.url);
      await ada.connect();
      const closes = record(ada, "close");
      const again = heard(ada, "reconnecting").then(() => first(ada, "reconnecting"));
      server.sockets[0]?.terminate();
      expect(await again).toEqual({ inMs: 5_000 });
      expect(closes).toHaveLength(1);
    },
  );

  it.each([["AUTH_FAILED"], ["AGENT_ID_IN_USE"]])("gives up when %s meets it at the door", async (code) => {
    const server = await scripted((turn) => {
      if (turn.connection === 1) plain(turn);
      else turn.answer(error(code));
    });
    const ada = client(server.url);
    await ada.connect();
    const retries = record(ada, "reconnecting");
    const ended = heard(ada, "close").then(() => first(ada, "close"));
    server.sockets[0]?.terminate();
    expect(await ended).toEqual({ code: 1008, reason: code });
    expect(retries).toHaveLength(1);
  });
});
