import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../../kit/broker.js";
import { wholeAnswer, WsWorld } from "../../kit/ws-world.js";

const get = (path: string, ...headers: readonly string[]): string =>
  [`GET ${path} HTTP/1.1`, "Host: localhost", ...headers, "", ""].join("\r\n");
const upgrade = get(
  "/pan",
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
);
/** A text of two characters as a client frames it, with a mask of zeros. */
const frame = (text: string): Buffer => Buffer.concat([Buffer.from([0x81, 0x82, 0, 0, 0, 0]), Buffer.from(text)]);

describe("the head of a request", () => {
  let world: WsWorld;
  let pages: string[];
  /** Another connection has used up the turn: what comes now waits. */
  const holdTurn = (): void => {
    world.onPage = ({ path }) => {
      pages.push(path);
      const until = performance.now() + (path === "/slow" ? 10 : 0);
      while (performance.now() < until);
      return undefined;
    };
  };
  beforeEach(async () => {
    world = new WsWorld();
    await world.edge.start();
    pages = [];
    world.onPage = ({ path }) => {
      pages.push(path);
      return undefined;
    };
  });
  afterEach(() => world.stop());

  it("is the only one of its connection, however many come in one write", async () => {
    const socket = await world.bare();
    socket.write(get("/healthz").repeat(2_000));
    const answer = await wholeAnswer(socket);
    expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(answer).toContain("connection: close");
    expect(pages).toEqual(["/healthz"]);
  });

  it("takes its turn: what hundreds ask at once is answered a few at a time", async () => {
    const sockets = await Promise.all(Array.from({ length: 200 }, () => world.bare()));
    let turn = 0;
    const perTurn: number[] = [];
    world.onPage = () => {
      perTurn[turn] = (perTurn[turn] ?? 0) + 1;
      const until = performance.now() + 1;
      while (performance.now() < until);
      return undefined;
    };
    const count = (): void => {
      turn += 1;
      if (perTurn.reduce((sum, one) => sum + one, 0) < sockets.length) setImmediate(count);
    };
    setImmediate(count);
    const answers = sockets.map((socket) => wholeAnswer(socket));
    for (const socket of sockets) socket.write(get("/healthz"));
    for (const answer of await Promise.all(answers)) expect(answer).toContain("HTTP/1.1 404");
    expect(Math.max(...perTurn.filter((one) => one > 0))).toBeLessThanOrEqual(10);
  });

  it.each([
    ["byte by byte", [...Buffer.from(get("/a"))].map((byte) => Buffer.of(byte))],
    ["behind empty lines", [Buffer.from(`\r\n\r\n${get("/a")}`)]],
    ["with a body", [Buffer.from(`${get("/a", "Content-Length: 3")}xyz`)]],
    ["with another behind it", [Buffer.from(get("/a").slice(0, 9)), Buffer.from(get("/a").slice(9) + get("/b"))]],
  ])("is read %s", async (_how, chunks) => {
    const socket = await world.bare();
    for (const chunk of chunks) {
      socket.write(chunk);
      if (chunks.length > 1) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await wholeAnswer(socket)).toContain("HTTP/1.1 404");
    expect(pages).toEqual(["/a"]);
  });

  it("is answered to whoever has ended its side, also if it waited", async () => {
    holdTurn();
    const slow = await world.bare();
    const others = await Promise.all(Array.from({ length: 5 }, () => world.bare()));
    const answers = others.map((socket) => wholeAnswer(socket));
    slow.write(get("/slow"));
    for (const socket of others) socket.end(get("/a"));
    for (const answer of await Promise.all(answers)) expect(answer).toContain("HTTP/1.1 404");
    expect(pages.sort()).toEqual(["/a", "/a", "/a", "/a", "/a", "/slow"]);
  });

  it("loses nothing of what a WebSocket says in the same write and right behind it, also if it waits", async () => {
    holdTurn();
    const slow = await world.bare();
    const others = await Promise.all(Array.from({ length: 5 }, () => world.bare()));
    slow.write(get("/slow"));
    for (const socket of others) {
      socket.resume();
      socket.write(Buffer.concat([Buffer.from(upgrade), frame("01"), frame("02")]));
      setImmediate(() => socket.write(frame("03")));
    }
    await eventually(() => world.accepted.length === 5, "all are open");
    await eventually(() => world.accepted.every(({ frames }) => frames.length === 3), "all was heard");
    for (const { frames } of world.accepted) expect(frames).toEqual(["01", "02", "03"]);
  });

  it("of connections that are reset while theirs waits harms nobody", async () => {
    holdTurn();
    const slow = await world.bare();
    const others = await Promise.all(Array.from({ length: 50 }, () => world.bare()));
    slow.write(get("/slow"));
    for (const socket of others) {
      socket.write(get("/a"));
      setImmediate(() => socket.resetAndDestroy());
    }
    const last = await world.bare();
    last.write(get("/last"));
    expect(await wholeAnswer(last)).toContain("HTTP/1.1 404");
    await eventually(() => world.edge.halfOpen === 0, "all are gone");
  });
});
