import { once } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import { Fault } from "../../../src/core/index.js";
import { ownPlaces } from "../../../src/websocket/edge/half-open.js";
import { eventually } from "../../kit/broker.js";
import { wholeAnswer, WsWorld } from "../../kit/ws-world.js";

describe("the WebSocket door", () => {
  let world: WsWorld;
  const open = async (limits: ConstructorParameters<typeof WsWorld>[0] = {}): Promise<void> => {
    world = new WsWorld(limits);
    await world.edge.start();
  };
  afterEach(async () => {
    await world.stop();
    expect(world.edge.size).toBe(0);
  });

  it("tells what is known of a connection", async () => {
    await open();
    const { accepted } = await world.connect("/pan?x=1", { headers: { authorization: "Bearer secret" } });
    expect(accepted.hello).toMatchObject({
      remote: "127.0.0.1",
      path: "/pan",
      subprotocol: undefined,
      bearer: "secret",
    });
    expect(accepted.connection.remote).toBe("127.0.0.1");
  });

  it("answers at known paths and at /, and names them elsewhere", async () => {
    await open();
    await world.connect("/");
    await world.connect("/other");
    const { status, body } = await world.refused("/nowhere");
    expect(status).toBe(404);
    expect(JSON.parse(body)).toMatchObject({
      message: expect.stringContaining("one of: / /pan /other") as string,
      paths: ["/", "/pan", "/other"],
    });
    expect(world.ledger.reasons["ws-unknown-path"]).toBe(1);
  });

  it.each([
    ["/pan", ["other.v1", "pan.v1"], "pan.v1"],
    ["/", ["x", "other.v2", "pan.v1"], "other.v2"],
    ["/other", ["bearer.t0k3n", "other.v1"], "other.v1"],
  ])("chooses a subprotocol at %s of %j", async (path, protocols, chosen) => {
    await open();
    const { client, accepted } = await world.connect(path, { protocols });
    expect(client.protocol).toBe(chosen);
    expect(accepted.hello.subprotocol).toBe(chosen);
    expect(accepted.hello.bearer).toBe(protocols[0] === "bearer.t0k3n" ? "t0k3n" : undefined);
  });

  it.each([
    ["https://evil.example", 403],
    ["null", 403],
    ["http://localhost.evil.example", 403],
    ["http://127.0.0.1.evil.example", 403],
  ])("refuses a page of another site: %s", async (origin, status) => {
    await open();
    expect((await world.refused("/pan", { origin, "user-agent": "Mozilla/5.0" })).status).toBe(status);
    expect(world.ledger.reasons["ws-origin-refused"]).toBe(1);
    expect(world.accepted).toEqual([]);
  });

  it.each(["http://localhost:3000", "http://127.0.0.1", "http://[::1]:8080"])(
    "lets a page of this machine in: %s",
    async (origin) => {
      await open();
      await world.connect("/pan", { headers: { origin } });
      expect(world.accepted).toHaveLength(1);
    },
  );

  it("finds a path with slashes at its end, with several where one belongs, or as a proxy writes it", async () => {
    await open();
    for (const path of ["/pan/", "/pan///", "/pan/?x=1", "//pan", "///pan//", "//"]) {
      const { accepted } = await world.connect(path);
      expect(accepted.hello.path).toBe(path === "//" ? "/" : "/pan");
    }
    const socket = await world.bare();
    socket.write("GET http://localhost/pan HTTP/1.1\r\nHost: localhost\r\n\r\n");
    expect(await wholeAnswer(socket)).toContain("426 Upgrade Required");
  });

  /** What a request is answered that offers another protocol. */
  const offering = async (line: string, upgrade: string): Promise<string> => {
    const socket = await world.bare();
    socket.write(
      `${line} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\n` +
        `Upgrade: ${upgrade}\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n`,
    );
    return wholeAnswer(socket);
  };

  it.each([
    ["GET /", 200, "message broker"],
    ["HEAD /", 200, "Content-Length: "],
    ["GET /pan", 426, "WebSocket client"],
    ["GET /nowhere", 404, '"paths"'],
    ["POST /", 405, "GET"],
  ])("answers %s as an ordinary request when it offers h2c, with %i", async (line, status, words) => {
    await open();
    for (const upgrade of ["h2c", "HTTP/2.0, h2c", "TLS/1.3", ""]) {
      const answer = await offering(line, upgrade);
      expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${String(status)} `));
      expect(answer.toLowerCase()).toContain(words.toLowerCase());
    }
    expect(world.ledger.reasons["ws-unknown-path"]).toBeUndefined();
    await eventually(() => world.edge.halfOpen === 0, "their connections are gone");
  });

  it("opens a WebSocket for whoever would take that, too", async () => {
    await open();
    const socket = await world.bare();
    socket.write(
      "GET /pan HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: h2c, WebSocket\r\n" +
        `Sec-WebSocket-Key: ${Buffer.alloc(16).toString("base64")}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
    );
    const [answer] = (await once(socket, "data")) as [Buffer];
    expect(answer.toString()).toContain("101 Switching Protocols");
  });

  it("logs each refused page once a minute, with the option that lets it in, and no more than so many", async () => {
    await open({ wsOriginWarningsMax: 2 });
    for (const origin of ["https://a.example", "https://a.example", "null", "https://c.example"])
      await world.refused("/pan", { origin, "user-agent": "Mozilla/5.0" });
    await world.refused("/pan", { origin: "https://a.example", "user-agent": "Mozilla/5.0" });
    expect(world.logged.map(({ level, fields }) => [level, fields?.["origin"], fields?.["remedy"]])).toEqual([
      ["warn", "https://a.example", expect.stringContaining("--origin https://a.example") as string],
      ["warn", "null", expect.stringContaining("--origin null") as string],
    ]);
    expect(world.ledger.reasons["ws-origin-refused"]).toBe(5);
  });

  it.each([
    ["GET", "/", 200, "message broker"],
    ["GET", "/pan", 426, "WebSocket client"],
    ["GET", "/nowhere", 404, '"paths"'],
    ["POST", "/", 405, "GET"],
  ])("answers %s %s with %i", async (method, path, status, words) => {
    await open();
    const response = await fetch(`http://127.0.0.1:${world.port}${path}`, { method });
    expect(response.status).toBe(status);
    expect(await response.text()).toContain(words);
  });

  it("answers 503 beyond the limit of connections", async () => {
    await open({ wsConnectionsMax: 2 });
    await world.connect();
    const { client } = await world.connect();
    expect((await world.refused("/pan")).status).toBe(503);
    expect(world.ledger.reasons["ws-connections-full"]).toBe(1);
    client.close();
    await eventually(() => world.edge.size === 1, "one has left");
    await world.connect();
  });

  it("answers 503 beyond the limit of half-open connections, and forgets those who log in or leave", async () => {
    await open({ wsHalfOpenMax: 2 });
    const { accepted } = await world.connect();
    const silent = await world.bare();
    await eventually(() => world.edge.halfOpen === 2, "both are seen");
    expect((await world.refused("/pan")).status).toBe(503);
    expect(world.ledger.reasons["ws-half-open-full"]).toBe(1);
    await eventually(() => world.edge.halfOpen === 2, "the refused one is gone");
    accepted.connection.admitted();
    expect(world.edge.halfOpen).toBe(1);
    await world.connect();
    silent.destroy();
    await eventually(() => world.edge.halfOpen === 1, "the silent one is gone");
  });

  it("answers this machine's requests also when it is full, in so many places of their own", async () => {
    await open({ wsHalfOpenMax: 2, wsConnectionsMax: 1 });
    const { accepted } = await world.connect();
    const page = async (): Promise<number> => (await fetch(`http://127.0.0.1:${world.port}/`)).status;
    expect(await page()).toBe(200);
    accepted.connection.admitted();
    for (let silent = 0; silent < 1 + ownPlaces; silent += 1) await world.bare();
    await eventually(() => world.edge.halfOpen === 1 + ownPlaces, "all are seen");
    expect(await page()).toBe(200);
    await world.bare();
    await eventually(() => world.edge.halfOpen === 2 + ownPlaces, "the last place is taken");
    expect(await wholeAnswer(await world.bare())).toContain("503 Service Unavailable");
  });

  it("lets a connection that has its place go on, whoever of this machine came beyond the limit", async () => {
    await open({ wsHalfOpenMax: 1 });
    const early = await world.bare();
    await eventually(() => world.edge.halfOpen === 1, "it has its place");
    await world.bare();
    await eventually(() => world.edge.halfOpen === 2, "another has one beyond");
    early.write(
      "GET /pan HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        `Sec-WebSocket-Key: ${Buffer.alloc(16).toString("base64")}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
    );
    const [answer] = (await once(early, "data")) as [Buffer];
    expect(answer.toString()).toContain("101 Switching Protocols");
  });

  it("cuts off a head that is too slow or too large", async () => {
    await open({ httpHeadMs: 100, httpHeadMaxBytes: 2_048 });
    const slow = await world.bare();
    slow.write("GET /pan HTTP/1.1\r\nHost: x\r\n");
    expect(await wholeAnswer(slow)).toContain("408");
    const large = await world.bare();
    large.write(`GET /pan HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(4_000)}\r\n\r\n`);
    expect(await wholeAnswer(large)).toContain("431");
  });

  it("survives nonsense on the line", async () => {
    await open();
    for (const nonsense of [
      "\0\0\0\0",
      "GET / HTTP/9.9\r\n\r\n",
      "GET /pan HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        "Sec-WebSocket-Key: short\r\nSec-WebSocket-Version: 13\r\n\r\n",
    ]) {
      const socket = await world.bare();
      socket.write(nonsense);
      expect(await wholeAnswer(socket)).toContain("400");
    }
    await world.connect();
    expect(world.accepted).toHaveLength(1);
  });

  it("takes nobody new while it drains", async () => {
    await open();
    const { client } = await world.connect();
    await world.edge.drain();
    const { status, body } = await world.refused("/pan");
    expect([status, body]).toEqual([503, "The broker is stopping; try again in a few seconds.\n"]);
    expect(client.readyState).toBe(client.OPEN);
  });

  it("closes every connection when it stops", async () => {
    await open();
    const { client, accepted } = await world.connect();
    const gone = once(client, "close");
    await world.edge.stop();
    await gone;
    expect((await accepted.closed).code).toBe(1006);
  });

  it("says which address is in use, and what to do", async () => {
    await open();
    const second = new WsWorld({}, world.port);
    await expect(second.edge.start()).rejects.toThrow(/in use.*another port/);
    await expect(second.edge.start()).rejects.toThrow(Fault);
  });
});
