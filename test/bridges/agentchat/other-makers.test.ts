import { beforeEach, describe, expect, it } from "vitest";
import { codec } from "../../../bridges/agentchat/codec.js";
import { commands } from "../../../bridges/agentchat/schema.js";
import { keyFor } from "../../kit/agentchat-keys.js";
import { AgentChatWorld, type Chatter } from "../../kit/agentchat-world.js";
import { settled, type Heard } from "../../../src/conformance/conversation.js";

const [ada, bob] = [keyFor("ada"), keyFor("bob")];

describe("AgentChat: null in a field that may be absent", () => {
  const needed: Readonly<Record<string, Heard>> = {
    IDENTIFY: { name: "ada" },
    VERIFY_IDENTITY: { challenge_id: "c", signature: "s", timestamp: 1 },
    JOIN: { channel: "#a" },
    LEAVE: { channel: "#a" },
    MSG: { to: "#a", content: "x" },
    LIST_AGENTS: { channel: "#a" },
    CREATE_CHANNEL: { channel: "#a" },
    INVITE: { channel: "#a", agent: "@b" },
    PROPOSAL: { to: "@b", task: "t" },
    ACCEPT: { proposal_id: "p" },
    REJECT: { proposal_id: "p" },
    COMPLETE: { proposal_id: "p" },
    DISPUTE: { proposal_id: "p", reason: "r" },
    ASK: { kind: "ping" },
  };

  it.each(Object.keys(commands))("is as if the field were not there: %s", (type) => {
    const said = { type, ...needed[type] };
    const { shape } = commands[type as keyof typeof commands];
    const optional = Object.keys(shape).filter((field) => !Object.hasOwn(said, field));
    const nulls = Object.fromEntries(optional.map((field) => [field, null]));
    const [read] = codec.decode(JSON.stringify({ ...said, ...nulls }));
    expect(JSON.stringify(read, (_key, value: unknown) => (value === null ? undefined : value))).toBe(
      JSON.stringify(codec.decode(JSON.stringify(said))[0]),
    );
  });
});

describe("AgentChat: agreements as clients of other makers sign them", () => {
  let world: AgentChatWorld;
  let [one, two]: Chatter[] = [];

  beforeEach(async () => {
    world = new AgentChatWorld();
    [one, two] = [await world.proved("ada"), await world.proved("bob")];
  });
  const proposes = async (fields: Heard, signed: string): Promise<Heard> => {
    const sig = ada.signs(`@${bob.id}|task|${signed}`);
    await one?.client.says({ type: "PROPOSAL", to: `@${bob.id}`, task: "task", ...fields, sig });
    return one?.client.all().at(-1) ?? {};
  };
  const accepts = async (fields: Heard, signed: string): Promise<Heard> => {
    const { proposal_id: id } = await proposes({}, "|||");
    const sig = bob.signs(`ACCEPT|${String(id)}|${signed}`);
    two?.client.all();
    await two?.client.says({ type: "ACCEPT", proposal_id: id, ...fields, sig });
    return two?.client.all().at(-1) ?? {};
  };

  it.each<[string, Heard, string]>([
    ["an amount of 0 written as 0", { amount: 0 }, "0|||"],
    ["an amount of 0 left out", { amount: 0 }, "|||"],
    ["an amount of 0 left out, and a stake that is not there", { amount: 0 }, "||||"],
    ["a stake that is not there", { amount: 2, currency: "SOL", expires: 60 }, "2|SOL||60|"],
    ["a stake of null", { elo_stake: null }, "||||"],
    ["a stake of 0", { elo_stake: 0 }, "||||"],
    ["a stake", { amount: 2, elo_stake: 50 }, "2||||50"],
    ["nulls", { amount: null, currency: null, payment_code: null, terms: null, expires: null }, "|||"],
  ])("takes a proposal over %s", async (_what, fields, signed) => {
    const told = await proposes(fields, signed);
    expect(told).toMatchObject({ type: "PROPOSAL", status: "pending" });
    const { elo_stake: stake } = fields;
    expect(told["elo_stake"]).toBe(stake ?? undefined);
    expect(told).not.toHaveProperty("currency", null);
  });

  it.each<[string, Heard, string]>([
    ["leaves out an amount that is not 0", { amount: 1 }, "|||"],
    ["does not cover its stake", { elo_stake: 50 }, "|||"],
    ["covers another stake", { elo_stake: 50 }, "||||5"],
    ["covers a stake that is not said", {}, "||||50"],
    ["has two fields too many", {}, "|||||"],
  ])("refuses a proposal whose signature %s", async (_what, fields, signed) => {
    expect(await proposes(fields, signed)).toMatchObject({ type: "ERROR", code: "SIGNATURE_REQUIRED" });
  });

  it.each<[string, Heard, string]>([
    ["nothing more", { payment_code: "pay" }, "pay"],
    ["a stake that is not there", { payment_code: null }, "|"],
    ["a stake", { payment_code: "pay", elo_stake: 0.5 }, "pay|0.5"],
  ])("takes an acceptance over %s", async (_what, fields, signed) => {
    const told = await accepts(fields, signed);
    expect(told).toMatchObject({ type: "ACCEPT", status: "accepted", pubkey: bob.spki });
    expect(told["elo_stake"]).toBe(fields["elo_stake"]);
  });

  it.each(["pay|0.5", "pay|", "|", "a|b|5", "pay|1e+30"])(
    "refuses the payment code %j, of which a part could be a stake",
    async (code) => {
      expect(await accepts({ payment_code: code }, code)).toMatchObject({ type: "ERROR", code: "INVALID_PROPOSAL" });
    },
  );
});

describe("AgentChat: past messages unasked (replay in the settings)", () => {
  let world: AgentChatWorld;
  const begin = async (replay: number, limits: Readonly<Record<string, number>> = {}): Promise<Chatter> => {
    world = new AgentChatWorld({ settings: { agentchat: { replay } }, limits });
    return world.ephemeral("speaker");
  };
  const says = async ({ client }: Chatter, to: string, texts: readonly string[]): Promise<void> => {
    for (const content of texts) await client.says({ type: "MSG", to, content });
  };
  const heardBy = async (name: string, join: Heard): Promise<readonly unknown[]> => {
    const { client } = await world.ephemeral(name);
    await client.says({ type: "JOIN", ...join });
    await settled();
    return client.all().map(({ type, content, replay }) => (type === "MSG" ? [content, replay] : type));
  };

  it("tells so many to who joins a public channel and asks for none", async () => {
    const speaker = await begin(2);
    await says(speaker, "#general", ["one", "two", "three"]);
    expect(await heardBy("newcomer", { channel: "#general" })).toEqual(["JOINED", ["two", true], ["three", true]]);
    expect(await heardBy("null", { channel: "#general", replay: null })).toHaveLength(3);
  });

  it("tells as many as it is asked for, none included", async () => {
    const speaker = await begin(2);
    await says(speaker, "#general", ["one", "two", "three"]);
    expect(await heardBy("none", { channel: "#general", replay: 0 })).toEqual(["JOINED"]);
    expect(await heardBy("all", { channel: "#general", replay: 20 })).toHaveLength(4);
  });

  it("tells none of an invite-only channel, none to who is inside, and none where the setting is 0", async () => {
    const speaker = await begin(20);
    await speaker.client.says({ type: "CREATE_CHANNEL", channel: "#club", invite_only: true });
    await says(speaker, "#club", ["secret"]);
    const guest = await world.ephemeral("guest");
    await speaker.client.says({ type: "INVITE", channel: "#club", agent: guest.id });
    guest.client.all();
    await guest.client.says({ type: "JOIN", channel: "#club" });
    expect(guest.client.all().map(({ type }) => type)).toEqual(["JOINED"]);
    await guest.client.says({ type: "JOIN", channel: "#general" });
    await says(speaker, "#general", ["one"]);
    guest.client.all();
    await guest.client.says({ type: "JOIN", channel: "#general" });
    await settled();
    expect(guest.client.all().map(({ type }) => type)).toEqual(["JOINED"]);
    await says(await begin(0), "#general", ["one"]);
    expect(await heardBy("newcomer", { channel: "#general" })).toEqual(["JOINED"]);
  });

  it("lets in without it who cannot pay for so much", async () => {
    const limits = { agentchatRatePerSecond: 1, agentchatBurst: 10 };
    const speaker = await begin(20, limits);
    await says(
      speaker,
      "#general",
      Array.from({ length: 10 }, () => "x".repeat(60_000)),
    );
    const { client } = await world.ephemeral("poor");
    for (let time = 0; time < 5; time += 1) await client.says({ type: "LIST_CHANNELS" });
    client.all();
    await client.says({ type: "JOIN", channel: "#general" });
    await settled();
    expect(client.all().map(({ type }) => type)).toEqual(["JOINED"]);
  });
});

describe("AgentChat: a client that knows no challenges", () => {
  it("is told soon why it waits where its key was proved before, and is not let in", async () => {
    const world = new AgentChatWorld();
    await (await world.proved("ada")).client.vanishes();
    const client = world.connect("/agentchat");
    await client.says({ type: "IDENTIFY", name: "ada", pubkey: ada.pem });
    expect(client.all().map(({ type }) => type)).toEqual(["CHALLENGE"]);
    world.clock.advance(2_500);
    expect(await client.hears({ type: "ERROR", code: "AUTH_REQUIRED", ref: "IDENTIFY" })).toMatchObject({
      message: expect.stringContaining(`--unproved @${ada.id}`) as string,
    });
    expect(client.closing).toBeUndefined();
  });

  it("hears nothing of that if it has answered, or asks anew", async () => {
    const world = new AgentChatWorld();
    await (await world.proved("ada")).client.vanishes();
    const client = world.connect("/agentchat");
    await client.says({ type: "IDENTIFY", name: "ada", pubkey: ada.pem });
    world.clock.advance(2_000);
    await client.says({ type: "IDENTIFY", name: "ada", pubkey: ada.pem });
    client.all();
    world.clock.advance(600);
    await client.hearsNothing();
    await client.says({ type: "IDENTIFY", name: "ada", pubkey: ada.pem });
    await world.answers(client, ada).catch(() => undefined);
    world.clock.advance(30_000);
    await client.hears({ type: "WELCOME" });
    expect(client.all().map(({ type }) => type)).not.toContain("ERROR");
  });

  it.each([`@${ada.id}`, ada.id])(
    "is let in where the operator lists %s, and gets no right of the proof",
    async (id) => {
      const world = new AgentChatWorld({ settings: { agentchat: { unproved: [id] } } });
      const owner = await world.proved("ada");
      await owner.client.says({ type: "CREATE_CHANNEL", channel: "#club", invite_only: true });
      await world.proved("bob");
      await owner.client.vanishes();
      const client = world.connect("/agentchat");
      await client.says({ type: "IDENTIFY", name: "ada", pubkey: ada.pem });
      expect((await client.hears({ type: "WELCOME" }))["agent_id"]).toBe(`@${ada.id}`);
      await client.says({ type: "JOIN", channel: "#club" });
      await client.hears({ type: "ERROR", code: "NOT_INVITED" });
      // Who proves it takes it back, and an unproved session does not take it from that.
      const again = await world.proved("ada");
      await client.hears({ type: "SESSION_DISPLACED" });
      const second = world.connect("/agentchat");
      await second.says({ type: "IDENTIFY", name: "ada", pubkey: ada.pem });
      expect(second.all().map(({ type }) => type)).toEqual(["CHALLENGE"]);
      expect(again.client.closing).toBeUndefined();
    },
  );

  it("is not let in under another id than the listed one, nor where every key has to be proved", async () => {
    const world = new AgentChatWorld({ settings: { agentchat: { unproved: [ada.id], identity: "strict" } } });
    await (await world.proved("ada")).client.vanishes();
    const strict = world.connect("/agentchat");
    await strict.says({ type: "IDENTIFY", name: "ada", pubkey: ada.pem });
    expect(strict.all().map(({ type }) => type)).toEqual(["CHALLENGE"]);
    const other = new AgentChatWorld({ settings: { agentchat: { unproved: [ada.id] } } });
    await (await other.proved("bob")).client.vanishes();
    const client = other.connect("/agentchat");
    await client.says({ type: "IDENTIFY", name: "bob", pubkey: bob.pem });
    expect(client.all().map(({ type }) => type)).toEqual(["CHALLENGE"]);
  });
});
