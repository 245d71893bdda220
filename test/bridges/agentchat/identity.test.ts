import { beforeEach, describe, expect, it } from "vitest";
import { keyFor } from "../../kit/agentchat-keys.js";
import { AgentChatWorld } from "../../kit/agentchat-world.js";
import { settled } from "../../../src/conformance/conversation.js";

describe("AgentChat: who somebody is", () => {
  let world: AgentChatWorld;
  const ada = keyFor("ada");
  beforeEach(() => {
    world = new AgentChatWorld();
  });

  it("gives somebody without a key an id for the session: eight of a-z0-9", async () => {
    const one = await world.ephemeral("ada");
    const two = await world.ephemeral("ada");
    for (const { id } of [one, two]) expect(id).toMatch(/^@[a-z0-9]{8}$/);
    expect(one.id).not.toBe(two.id);
    expect(world.directory.agent(one.id.slice(1))).toMatchObject({
      displayName: "ada",
      trust: "claimed",
      dialect: "agentchat",
    });
  });

  it("says who it is and when, in WELCOME", async () => {
    const client = world.connect("/agentchat");
    await client.says({ type: "IDENTIFY", name: "ada" });
    expect(await client.hears({ type: "WELCOME" })).toMatchObject({ server: "test", ts: world.clock.now() });
  });

  it.each([
    ["PEM", ada.pem],
    ["base64 of SPKI", ada.spki],
    ["base64 of the raw bytes", ada.raw],
  ])(
    "knows a key written as %s by the same id, asks for its proof, and welcomes it meanwhile",
    async (_form, pubkey) => {
      const client = world.connect("/agentchat");
      await client.says({ type: "IDENTIFY", name: "ada", pubkey });
      expect(client.all().map(({ type, agent_id }) => [type, agent_id])).toEqual([
        ["WELCOME", `@${ada.id}`],
        ["CHALLENGE", undefined],
      ]);
      expect(world.directory.agent(ada.id)?.trust).toBe("claimed");
    },
  );

  it("raises a session that answers to proved, without a word to others", async () => {
    const watcher = await world.ephemeral("watcher");
    await watcher.client.says({ type: "JOIN", channel: "#general" });
    const { client, id } = await world.proved("ada");
    expect(id).toBe(`@${ada.id}`);
    expect(world.directory.agent(ada.id)?.trust).toBe("proved");
    watcher.client.all();
    await client.says({ type: "JOIN", channel: "#general" });
    await watcher.client.hears({ type: "AGENT_JOINED", agent: id });
    await watcher.client.hearsNothing();
  });

  it("never again takes a key unproved that was proved once: CHALLENGE first, WELCOME after it", async () => {
    await (await world.proved("ada")).client.vanishes();
    const client = world.connect("/agentchat");
    await client.says({ type: "IDENTIFY", name: "thief", pubkey: ada.raw });
    await client.says({ type: "MSG", to: "#general", content: "I am ada" });
    await client.hears({ type: "ERROR", code: "AUTH_REQUIRED" });
    await world.answers(client, keyFor("thief"));
    await client.hears({ type: "ERROR", code: "VERIFICATION_FAILED" });
    expect(world.directory.agent(ada.id)).toBeUndefined();
    await client.says({ type: "IDENTIFY", name: "ada", pubkey: ada.raw });
    await world.answers(client, ada);
    expect(client.all().map(({ type }) => type)).toEqual(["WELCOME", "VERIFY_SUCCESS"]);
    world.expectSound();
  });

  it("displaces a claimed session by a proved one, tells it, and never the reverse", async () => {
    const thief = world.connect("/agentchat");
    await thief.says({ type: "IDENTIFY", name: "ada", pubkey: ada.spki });
    thief.all();
    const owner = await world.proved("ada");
    expect(thief.all()).toMatchObject([
      { type: "SESSION_DISPLACED", ts: world.clock.now(), reason: expect.stringMatching(/taken over/) as string },
      { type: "ERROR", code: "SESSION_DISPLACED" },
    ]);
    expect(thief.closing?.code).toBe(4409);
    const again = world.connect("/agentchat");
    await again.says({ type: "IDENTIFY", name: "ada", pubkey: ada.spki });
    expect(again.all().map(({ type }) => type)).toEqual(["CHALLENGE"]);
    expect(owner.client.closing).toBeUndefined();
    const second = await world.proved("ada");
    await owner.client.hears({ type: "ERROR", code: "SESSION_DISPLACED" });
    expect([owner.client.closing?.code, second.client.closing]).toEqual([4409, undefined]);
  });

  it("lets a key that nobody has proved in again at once where its older session is, which is told", async () => {
    const first = world.connect("/agentchat", { remote: "192.0.2.1" });
    await first.says({ type: "IDENTIFY", name: "ada", pubkey: ada.pem });
    first.all();
    const second = world.connect("/agentchat", { remote: "192.0.2.1" });
    await second.says({ type: "IDENTIFY", name: "ada", pubkey: ada.spki });
    expect(second.all().map(({ type }) => type)).toEqual(["WELCOME", "CHALLENGE"]);
    expect(first.all().map(({ type }) => type)).toEqual(["SESSION_DISPLACED", "ERROR"]);
    expect(first.closing?.code).toBe(4409);
    world.expectSound();
  });

  it("lets nobody else at the same address have the id of a key: it has to be the same key", async () => {
    const first = world.connect("/agentchat");
    await first.says({ type: "IDENTIFY", name: "ada", pubkey: ada.spki });
    first.all();
    const other = world.connect("/agentchat");
    await other.says({ type: "IDENTIFY", name: "ada", pubkey: keyFor("eve").spki });
    expect(await other.hears({ type: "WELCOME" })).toMatchObject({ agent_id: `@${keyFor("eve").id}` });
    await first.hearsNothing();
  });

  it("from elsewhere lets it in when its older session is dead, else asks for the proof and soon says why it waits", async () => {
    const first = world.connect("/agentchat", { remote: "192.0.2.1" });
    await first.says({ type: "IDENTIFY", name: "ada", pubkey: ada.spki });
    first.all();
    const second = world.connect("/agentchat");
    await second.says({ type: "IDENTIFY", name: "ada", pubkey: ada.spki });
    expect(second.all().map(({ type }) => type)).toEqual(["CHALLENGE"]);
    const why = /another session bears this key.*VERIFY_IDENTITY/;
    world.clock.advance(2_500);
    expect(await second.hears({ type: "ERROR", code: "AUTH_REQUIRED", ref: "IDENTIFY" })).toMatchObject({
      message: expect.stringMatching(why) as string,
    });
    expect([first.closing, second.closing]).toEqual([undefined, undefined]);
    world.clock.advance(17_500);
    expect(await second.hears({ type: "ERROR", code: "AUTH_REQUIRED" })).toMatchObject({
      message: expect.stringMatching(why) as string,
    });
    expect([first.closing, second.closing?.code]).toEqual([undefined, 1008]);
    first.connection.answersPings = false;
    const third = world.connect("/agentchat");
    await third.says({ type: "IDENTIFY", name: "ada", pubkey: ada.spki });
    world.clock.advance(2_000);
    await settled();
    expect(third.all().map(({ type }) => type)).toEqual(["WELCOME", "CHALLENGE"]);
    await first.hears({ type: "ERROR", code: "SESSION_DISPLACED" });
  });

  it("asks one connection five times at most", async () => {
    await (await world.proved("ada")).client.vanishes();
    const client = world.connect("/agentchat");
    for (let time = 0; time < 5; time += 1) await client.says({ type: "IDENTIFY", name: "ada", pubkey: ada.spki });
    expect(client.all().map(({ type }) => type)).toEqual(new Array<string>(5).fill("CHALLENGE"));
    await client.says({ type: "IDENTIFY", name: "ada", pubkey: ada.spki });
    await client.hears({ type: "ERROR", code: "AUTH_REQUIRED" });
    expect(client.closing?.code).toBe(1008);
  });

  it.each([
    ["zero", "00".repeat(32)],
    ["one", `01${"00".repeat(31)}`],
    ["one, negative", `01${"00".repeat(30)}80`],
    ["order 8", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"],
    ["order 8, the other", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"],
    ["minus one", `ec${"ff".repeat(30)}7f`],
    ["zero again, beyond the field", `ed${"ff".repeat(30)}7f`],
    ["one again, beyond the field", `ee${"ff".repeat(30)}7f`],
    ["the last beyond the field", "ff".repeat(32)],
  ])("refuses a key under which everybody can sign: %s", async (_what, hex) => {
    const client = world.connect("/agentchat");
    await client.says({ type: "IDENTIFY", name: "ada", pubkey: Buffer.from(hex, "hex").toString("base64") });
    await client.hears({ type: "ERROR", code: "INVALID_MSG", ref: "IDENTIFY" });
  });

  it.each<[string, Readonly<Record<string, unknown>>, string]>([
    ["another signature", { signature: keyFor("eve").signs("x") }, "VERIFICATION_FAILED"],
    ["a signature over another time", { timestamp: 1 }, "VERIFICATION_FAILED"],
    ["a signature that is none", { signature: "%%%" }, "VERIFICATION_FAILED"],
    ["another challenge's id", { challenge_id: "feedbeef" }, "VERIFICATION_FAILED"],
  ])("refuses %s, once and for all", async (_about, change, code) => {
    const client = world.connect("/agentchat");
    await client.says({ type: "IDENTIFY", name: "ada", pubkey: ada.spki });
    const { challenge_id, nonce } = await client.hears({ type: "CHALLENGE" });
    const timestamp = world.clock.now();
    const good = {
      type: "VERIFY_IDENTITY",
      challenge_id,
      timestamp,
      signature: ada.signs(`AGENTCHAT_AUTH|${String(nonce)}|${String(challenge_id)}|${timestamp}`),
    };
    await client.says({ ...good, ...change });
    await client.hears({ type: "ERROR", code, ref: "VERIFY_IDENTITY" });
    await client.says(good);
    await client.hears({ type: "ERROR", code: "VERIFICATION_FAILED" });
    expect(world.directory.agent(ada.id)?.trust).toBe("claimed");
  });

  it("refuses an answer that comes late, and one that another session was asked for", async () => {
    const [one, two] = [world.connect("/agentchat"), world.connect("/agentchat", { remote: "192.0.2.1" })];
    await one.says({ type: "IDENTIFY", name: "ada", pubkey: ada.spki });
    const { challenge_id, nonce } = await one.hears({ type: "CHALLENGE" });
    const timestamp = world.clock.now();
    const answer = {
      type: "VERIFY_IDENTITY",
      challenge_id,
      timestamp,
      signature: ada.signs(`AGENTCHAT_AUTH|${String(nonce)}|${String(challenge_id)}|${timestamp}`),
    };
    await two.says({ type: "IDENTIFY", name: "ada", pubkey: ada.spki });
    await two.says(answer);
    await two.hears({ type: "ERROR", code: "VERIFICATION_FAILED" });
    world.clock.advance(60_000);
    await one.says(answer);
    await one.hears({ type: "ERROR", code: "VERIFICATION_EXPIRED" });
  });

  it("takes an answer that came in time and waits for its turn", async () => {
    const ada = keyFor("ada");
    const client = world.connect("/agentchat");
    await client.says({ type: "IDENTIFY", name: "ada", pubkey: ada.spki });
    const { challenge_id, nonce } = await client.hears({ type: "CHALLENGE" });
    const timestamp = world.clock.now();
    const signature = ada.signs(`AGENTCHAT_AUTH|${String(nonce)}|${String(challenge_id)}|${timestamp}`);
    client.connection.unheard.push(JSON.stringify({ type: "VERIFY_IDENTITY", challenge_id, signature, timestamp }));
    world.clock.advance(60_000);
    client.connection.catchUp();
    await client.hears({ type: "VERIFY_SUCCESS" });
  });

  it.each(["", "a b", "ä", "x".repeat(33), "@ada", "#ada", "a|b"])("refuses the name %j", async (name) => {
    const client = world.connect("/agentchat");
    await client.says({ type: "IDENTIFY", name });
    await client.hears({ type: "ERROR", code: "INVALID_NAME", ref: "IDENTIFY" });
    await client.says({ type: "IDENTIFY", name: "x".repeat(32) });
    await client.hears({ type: "WELCOME" });
  });

  it.each([
    "no key",
    ada.raw.slice(4),
    `${ada.raw}AAAA`,
    "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
    Buffer.alloc(44).toString("base64"),
  ])("refuses the key %j", async (pubkey) => {
    const client = world.connect("/agentchat");
    await client.says({ type: "IDENTIFY", name: "ada", pubkey });
    await client.hears({ type: "ERROR", code: "INVALID_MSG", ref: "IDENTIFY" });
    await client.hearsNothing();
  });

  it("answers every command before IDENTIFY with AUTH_REQUIRED, and the connection lives", async () => {
    const client = world.connect("/agentchat");
    const commands = [
      { type: "JOIN", channel: "#general" },
      { type: "LEAVE", channel: "#general" },
      { type: "MSG", to: "#general", content: "x" },
      { type: "LIST_CHANNELS" },
      { type: "LIST_AGENTS", channel: "#general" },
      { type: "CREATE_CHANNEL", channel: "#x" },
      { type: "INVITE", channel: "#x", agent: "@y" },
      { type: "ACCEPT", proposal_id: "x" },
      { type: "VERIFY_IDENTITY", challenge_id: "x", signature: "x", timestamp: 1 },
    ];
    for (const command of commands) {
      await client.says(command);
      await client.hears({ type: "ERROR", code: "AUTH_REQUIRED", ref: command.type });
    }
    await client.says({ type: "PING" });
    await client.hears({ type: "PONG" });
    await client.says({ type: "IDENTIFY", name: "ada" });
    await client.hears({ type: "WELCOME" });
  });

  it("ends a connection that has not said who it is within 30 seconds", async () => {
    const client = world.connect("/agentchat");
    world.clock.advance(29_999);
    await client.hearsNothing();
    world.clock.advance(1);
    await client.hears({ type: "ERROR", code: "AUTH_REQUIRED" });
    expect(client.closing?.code).toBe(1008);
  });

  it("wants a proof from everybody where the configuration says so", async () => {
    world = new AgentChatWorld({ settings: { agentchat: { identity: "strict" } } });
    const client = world.connect("/agentchat");
    await client.says({ type: "IDENTIFY", name: "ada" });
    await client.hears({ type: "ERROR", code: "AUTH_REQUIRED" });
    await client.says({ type: "IDENTIFY", name: "ada", pubkey: ada.spki });
    expect(client.all().map(({ type }) => type)).toEqual(["CHALLENGE"]);
  });
});
