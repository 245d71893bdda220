import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  contentOf,
  messageFrom,
  msgpack,
  NetworkWorld,
  system,
  type BareClient,
  type Told,
} from "../../../kit/network-clients.js";

const hex = (text: string): Buffer => Buffer.from(text, "hex");

/** A message of which one value is not what a library would write. */
function withContent(told: Told, value: Buffer): Buffer {
  const others = Object.entries(told).filter(([name]) => name !== "content");
  const fields = others.flatMap(([name, field]) => [msgpack.packr.pack(name), msgpack.packr.pack(field)]);
  // Each part is copied: the library writes all of them into one buffer.
  const parts = fields.map((part) => Buffer.from(part));
  return Buffer.concat([hex("88"), ...parts, Buffer.from(msgpack.packr.pack("content")), hex("81a178"), value]);
}

describe("a session in MessagePack", () => {
  let world: NetworkWorld;
  let bob: BareClient;
  beforeAll(async () => {
    world = await NetworkWorld.start();
    bob = await world.msgpack("bob");
  });
  afterAll(() => world.stop());

  it("logs in by AUTH or by its header, and hears CONNECTED", async () => {
    const client = await world.open("agent-network.v1.msgpack");
    expect(client.socket.protocol).toBe("agent-network.v1.msgpack");
    client.packs({ type: "AUTH", token: await world.token("eve"), agentId: "eve" });
    const connected = await client.frames.next();
    expect(Buffer.isBuffer(connected.frame)).toBe(true);
    expect(connected.told).toMatchObject({
      senderId: "system",
      recipientId: "eve",
      messageType: "CONNECTED",
      content: { heartbeatInterval: 30_000 },
    });
    // No big integers: a client calculates with times.
    expect(typeof connected.told["timestamp"]).toBe("number");
    client.packs({
      ...messageFrom("eve", "system"),
      messageType: "HEARTBEAT",
      content: { timestamp: 1_700_000_000_000 },
    });
    expect(contentOf(await client.hears(system("HEARTBEAT")))).toEqual({ timestamp: 1_700_000_000_000 });
    client.packs({ ...messageFrom("eve", "system"), messageType: "DISCONNECT", content: {} });
    await client.hears(system("ACK"));
    expect((await client.closed).code).toBe(1000);
  });

  it("is the same at / by its subprotocol", async () => {
    const client = await world.open("agent-network.v1.msgpack", "/");
    client.packs({ type: "AUTH", token: await world.token("root"), agentId: "root" });
    await client.hears(system("CONNECTED"));
  });

  it("says several messages in one frame, in order; each is answered by itself", async () => {
    const ada = await world.msgpack("ada");
    ada.packs([
      messageFrom("ada", "bob", { messageId: "1" }),
      messageFrom("eva", "bob", { messageId: "2" }),
      messageFrom("ada", "nobody here", { messageId: "3" }),
      messageFrom("ada", "bob", { messageId: "4", content: "text" }),
      messageFrom("ada", "bob", { messageId: "5" }),
    ]);
    const answers: unknown[] = [];
    for (let count = 0; count < 5; count += 1) {
      const { messageType, content } = await ada.hears();
      const { messageId, errorCode, details } = content as Told;
      answers.push([messageType, errorCode, messageId ?? (details as Told)["originalMessageId"]]);
    }
    expect(answers).toEqual([
      ["ACK", undefined, "1"],
      ["ERROR", "SENDER_MISMATCH", "2"],
      ["ERROR", "RECIPIENT_NOT_FOUND", "3"],
      ["ERROR", "INVALID_MESSAGE_FORMAT", "4"],
      ["ACK", undefined, "5"],
    ]);
    expect([(await bob.hears())["messageId"], (await bob.hears())["messageId"]]).toEqual(["1", "5"]);
  });

  it("may log in and speak in one frame", async () => {
    const client = await world.open("agent-network.v1.msgpack");
    const token = await world.token("quick");
    client.packs([{ type: "AUTH", token, agentId: "quick" }, messageFrom("quick", "bob", { messageId: "at once" })]);
    await client.hears(system("CONNECTED"));
    expect((await bob.hears())["messageId"]).toBe("at once");
  });

  it("pays for each message of a batch, and may say again what was too much", async () => {
    const dan = await world.msgpack("dan");
    const batch = (from: number, count: number): Told[] =>
      Array.from({ length: count }, (_, at) => messageFrom("dan", "bob", { messageId: String(from + at) }));
    dan.packs(batch(0, 50));
    dan.packs(batch(50, 20));
    let refused: string | undefined;
    let acked = 0;
    for (let count = 0; count < 70; count += 1) {
      const { messageType, content } = await dan.hears();
      if (messageType === "ACK") acked += 1;
      else {
        expect(content).toMatchObject({ errorCode: "RATE_LIMIT_EXCEEDED", recoverable: true });
        refused ??= (contentOf({ content })["details"] as { readonly originalMessageId: string }).originalMessageId;
      }
    }
    // The login has cost one; some of the bucket came back meanwhile.
    expect(acked).toBeGreaterThanOrEqual(49);
    expect(acked).toBeLessThan(69);
    for (let count = 0; count < acked; count += 1) await bob.hears();
    await new Promise((resolve) => setTimeout(resolve, 250));
    dan.packs(messageFrom("dan", "bob", { messageId: refused ?? "" }));
    expect(contentOf(await dan.hears(system("ACK")))).toEqual({ messageId: refused });
    expect((await bob.hears())["messageId"]).toBe(refused);
  });

  it.each([
    ["a text frame", JSON.stringify(messageFrom("cyd", "bob")), "binary frames"],
    ["a text frame that is AUTH", '{"type":"AUTH","token":"t","agentId":"cyd"}', "binary frames"],
    ["an empty batch", msgpack.packr.pack([]), "one message at least"],
    ["51 messages", Buffer.concat([hex("dc0033"), Buffer.alloc(51, 0x80)]), "50 messages at most"],
    ["60,000 tiny messages", Buffer.concat([hex("dcea60"), Buffer.alloc(60_000, 0x80)]), "50 messages at most"],
    ["a batch in a batch", hex("9190"), "no list of batches"],
    ["a list of 4 billion", hex("ddffffffff80"), "end before"],
    ["a map of 4 billion", hex("dfffffffffa0"), "end before"],
    ["a text of 4 GiB", hex("dbffffffff61"), "end before"],
    ["a number", hex("01"), "a message is a map"],
    ["an extension", hex("d60000000000"), "extension"],
    ["0xc1", hex("c1"), "0xc1"],
    ["an empty frame", Buffer.alloc(0), "end before"],
    ["a map with 20,000 keys", Buffer.concat([hex("de4e20"), Buffer.alloc(40_000, 0xa0)]), "64 fields"],
    ["1,000 lists in each other", Buffer.concat([Buffer.alloc(1_000, 0x91), hex("c0")]), "64 levels"],
    ["a sender twice", hex("82a873656e6465724964a161a873656e6465724964a162"), "senderId stands twice"],
    ["a sender in another case", hex("81a853656e6465724964a161"), "another case"],
    ["no fields", hex("80"), "messageId"],
    ["content that holds NaN", withContent(messageFrom("cyd", "bob"), hex("cb7ff8000000000000")), "NaN"],
    ["content that holds a time", withContent(messageFrom("cyd", "bob"), hex("d6ff00000000")), "extension"],
    ["content with a uint64 beyond 2^53", withContent(messageFrom("cyd", "bob"), hex("cfffffffffffffffff")), "2^53"],
    ["content with a number as key", withContent(messageFrom("cyd", "bob"), hex("810101")), "keys"],
  ])("is told what is wrong, and lives: %s", async (about, frame, names) => {
    const client = await world.msgpack("cyd");
    client.says(frame);
    expect(contentOf(await client.hears(system("ERROR")))).toMatchObject({
      errorCode: "INVALID_MESSAGE_FORMAT",
      message: expect.stringContaining(names) as string,
      recoverable: false,
    });
    client.packs(messageFrom("cyd", "bob", { messageId: about }));
    await client.hears(system("ACK"));
    expect((await bob.hears())["messageId"]).toBe(about);
  });

  it("asks the broker, and hears rooms and other dialects as maps", async () => {
    const ada = await world.msgpack("ada");
    const query = (queryType: string, parameters: Told): Told => ({
      ...messageFrom("ada", "system"),
      content: { requestId: queryType, queryType, parameters },
    });
    ada.packs([query("ROOM_JOIN", { room: "#tea" }), query("agents.list", {})]);
    expect(contentOf(await ada.hears(system("RESPONSE")))).toMatchObject({
      requestId: "ROOM_JOIN",
      error: null,
      data: { room: "#tea" },
    });
    expect(contentOf(await ada.hears(system("RESPONSE")))).toMatchObject({ requestId: "agents.list", error: null });
    const json = await world.json("jon");
    json.says(
      JSON.stringify({ ...messageFrom("jon", "#tea"), messageType: "INFORM", content: { text: "tea is ready" } }),
    );
    expect(await ada.hears(({ recipientId }) => recipientId === "#tea")).toMatchObject({
      senderId: "jon",
      content: { text: "tea is ready" },
    });
  });

  it("reads bytes as their base64 where the broker itself is spoken to", async () => {
    const ada = await world.msgpack("ada");
    const bytes = Buffer.from("ping");
    ada.packs({
      ...messageFrom("ada", "system"),
      content: { requestId: bytes, queryType: "ping" },
    });
    expect(contentOf(await ada.hears(system("RESPONSE")))).toMatchObject({ requestId: bytes.toString("base64") });
  });

  it("a JSON session takes no binary frames", async () => {
    const client = await world.json("jon");
    client.packs(messageFrom("jon", "bob"));
    expect(contentOf(await client.hears(system("ERROR")))).toMatchObject({
      errorCode: "INVALID_MESSAGE_FORMAT",
      message: expect.stringContaining("not binary") as string,
    });
  });
});
