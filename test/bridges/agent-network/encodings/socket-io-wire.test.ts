import { once } from "node:events";
import { WebSocket } from "ws";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { messageFrom, Heard, NetworkWorld } from "../../../kit/network-clients.js";

/** A client that speaks packets by hand. */
class Packets {
  readonly heard = new Heard<string>();
  readonly socket: WebSocket;
  readonly closed: Promise<number>;

  private constructor(url: string) {
    this.socket = new WebSocket(`${url}/socket.io/?EIO=4&transport=websocket`);
    this.socket.on("message", (data: Buffer) => {
      this.heard.add(data.toString());
    });
    this.closed = once(this.socket, "close").then(([code]) => Number(code));
  }

  static async open(url: string): Promise<Packets> {
    const client = new Packets(url);
    expect((await client.heard.next())[0]).toBe("0");
    return client;
  }

  /** Connected as an agent. */
  static async connect(world: NetworkWorld, agentId: string): Promise<Packets> {
    const client = await Packets.open(world.url);
    client.says(`40${JSON.stringify({ token: await world.token(agentId), agentId })}`);
    expect(await client.hears()).toMatch(/^40\{"sid":"/);
    return client;
  }

  says(packet: string | Buffer): void {
    this.socket.send(packet);
  }

  hears(): Promise<string> {
    return this.heard.next((packet) => packet !== "2");
  }
}

describe("the packets of Socket.IO", () => {
  let world: NetworkWorld;
  beforeAll(async () => {
    world = await NetworkWorld.start();
  });
  afterAll(() => world.stop());

  it.each([
    ["a message", '42["message","{}"]'],
    ["a heartbeat", '42["heartbeat"]'],
    ["a goodbye", "41"],
    ["the end of the line", "1"],
    ["a binary frame", Buffer.from("40{}")],
    ["another namespace", "40/admin,"],
    ["a second probe", "2probe"],
    ["a ping of an older client", "2"],
    ["what is no packet", '{"type":"AUTH"}'],
    ["a packet id of 60,000 digits", `42${"9".repeat(60_000)}["message",""]`],
  ])("before the login are refused, and the line ends: %s", async (_about, packet) => {
    const client = await Packets.open(world.url);
    client.says("2probe");
    expect(await client.hears()).toBe("3probe");
    client.says(packet);
    const refusal = await client.hears();
    expect(refusal).toMatch(/^44(\/admin,)?\{"message":"/);
    expect(refusal).toContain('"errorCode":"AUTHENTICATION_FAILED"');
    expect(await client.closed).toBe(4401);
  });

  it("that say nothing before the login leave it to its time", async () => {
    const client = await Packets.open(world.url);
    for (const packet of ["3", "5", "6", "3probe"]) client.says(packet);
    client.says(`40${JSON.stringify({ token: await world.token("quiet"), agentId: "quiet" })}`);
    expect(await client.hears()).toMatch(/^40\{"sid":"/);
  });

  it("may connect again, which renews the token; each pays, and another agent is refused", async () => {
    const client = await Packets.connect(world, "again");
    const connect = `40${JSON.stringify({ token: await world.token("again"), agentId: "again" })}`;
    client.says(connect);
    expect(await client.hears()).toMatch(/^40\{"sid":"/);
    client.says(`40${JSON.stringify({ token: await world.token("other"), agentId: "other" })}`);
    expect(await client.hears()).toMatch(/^42\["error",\{"errorCode":"AUTHENTICATION_FAILED"/);
    for (let count = 0; count < 80; count += 1) client.says(connect);
    expect(await client.heard.next((packet) => packet.startsWith("42"))).toContain("RATE_LIMIT_EXCEEDED");
  });

  it.each([
    ["bytes", Buffer.from([1, 2, 3]), "binary"],
    ["an event of another name", '42["constructor","{}"]', "not constructor"],
    ["an event called __proto__", '42["__proto__","{}"]', "not __proto__"],
    ["a packet id that no double holds", '429007199254740993["message","{}"]', "15 digits"],
    ["another namespace", '42/admin,["message","{}"]', "Invalid namespace"],
    ["nothing", "", "Engine.IO 4"],
    ["an empty packet", "4", "CONNECT, DISCONNECT and EVENT"],
    ["two messages in one event", '42["message",{},{}]', "JSON"],
    ["a message with __proto__ for a field", '42["message",{"__proto__":{"messageId":"1"}}]', "messageId"],
    ["an answer to nothing", "431[]", "CONNECT, DISCONNECT and EVENT"],
    ["a ping", "2", "EIO=4"],
    ["100 lists in each other", `42["message",{"a":${"[".repeat(100)}${"]".repeat(100)}}]`, "64 levels"],
    ["70,000 characters", `42["message","${"x".repeat(70_000)}"]`, "65536 bytes at most"],
  ])("are refused after it, and the line lives: %s", async (about, packet, words) => {
    const client = await Packets.connect(world, "lives on");
    client.says(packet);
    const refusal = await client.hears();
    expect(refusal).toMatch(/^4[24]/);
    expect(refusal).toContain(words);
    client.says(`427${JSON.stringify(["message", messageFrom("lives on", "lives on", { messageId: about })])}`);
    expect(await client.heard.next((each) => each.startsWith("437"))).toBe(
      `437[${JSON.stringify({ messageId: about })}]`,
    );
  });

  it("end the line when too many are refused", async () => {
    const client = await Packets.connect(world, "abuser");
    for (let count = 0; count < 100; count += 1) client.says("2");
    expect(await client.closed).toBe(4429);
  });

  it("answer each callback under its own number", async () => {
    const client = await Packets.connect(world, "many");
    const hearer = await Packets.connect(world, "hearer");
    for (let id = 0; id < 40; id += 1) {
      client.says(
        `42${String(id)}${JSON.stringify(["message", messageFrom("many", "hearer", { messageId: String(id) })])}`,
      );
      expect(await client.hears()).toBe(`43${String(id)}[{"messageId":"${String(id)}"}]`);
      await hearer.hears();
    }
  });

  it("a line that is cut in the middle of a login leaves nothing", async () => {
    const token = await world.token("cut");
    for (let count = 0; count < 20; count += 1) {
      const client = await Packets.open(world.url);
      client.says(`40${JSON.stringify({ token, agentId: "cut" })}`);
      client.socket.terminate();
      await client.closed;
    }
    await Packets.connect(world, "cut");
  });
});
