import { beforeEach, describe, expect, it } from "vitest";
import { Seen, type SeenRow } from "../../../bridges/agentchat/seen.js";
import { TablesMemory } from "../../../src/storage/index.js";
import { keyFor } from "../../kit/agentchat-keys.js";
import { AgentChatWorld, type Chatter } from "../../kit/agentchat-world.js";

describe("AgentChat: messages", () => {
  let world: AgentChatWorld;
  let ada: Chatter;
  let bob: Chatter;
  beforeEach(async () => {
    world = new AgentChatWorld();
    ada = await world.ephemeral("ada");
    bob = await world.ephemeral("bob");
  });

  it("to a channel reach everybody in it, their sender too", async () => {
    for (const { client } of [ada, bob]) await client.says({ type: "JOIN", channel: "#general" });
    await ada.client.says({ type: "MSG", to: "#general", content: "hello", msg_id: "m1" });
    for (const { client } of [ada, bob]) {
      const heard = await client.hears({ type: "MSG" });
      expect(heard).toEqual({
        type: "MSG",
        from: ada.id,
        from_name: "ada",
        to: "#general",
        content: "hello",
        ts: world.clock.now(),
        msg_id: "m1",
      });
    }
  });

  it("to an agent reach it, and come back to their sender", async () => {
    await ada.client.says({ type: "MSG", to: bob.id, content: "psst" });
    for (const { client } of [ada, bob])
      expect(await client.hears({ type: "MSG" })).toMatchObject({
        from: ada.id,
        to: bob.id,
        content: "psst",
        ts: world.clock.now(),
      });
    await ada.client.says({ type: "MSG", to: ada.id, content: "note to self" });
    await ada.client.hears({ type: "MSG", to: ada.id, content: "note to self" });
    for (const { client } of [ada, bob]) await client.hearsNothing();
  });

  it("that want a receipt ask for it in the core's words, and others do not", async () => {
    const said: unknown[] = [];
    world.router.tap({ deliver: ({ envelope }) => said.push(envelope?.receipt) > 0 });
    for (const receipt of [true, false, "read", undefined])
      await ada.client.says({ type: "MSG", to: bob.id, content: "x", receipt });
    expect(said).toEqual([["stored", "settled"], undefined, undefined, undefined]);
  });

  it("do not come back to whoever said so", async () => {
    const quiet = await world.ephemeral("quiet", { echo: false });
    await quiet.client.says({ type: "JOIN", channel: "#general" });
    quiet.client.all();
    await quiet.client.says({ type: "MSG", to: "#general", content: "x" });
    await quiet.client.says({ type: "MSG", to: bob.id, content: "y" });
    await quiet.client.hearsNothing();
    await bob.client.hears({ type: "MSG", content: "y" });
  });

  it("to nobody are AGENT_NOT_FOUND, to no channel CHANNEL_NOT_FOUND, by their msg_id", async () => {
    await ada.client.says({ type: "MSG", to: "@nobody00", content: "x", msg_id: "m1" });
    await ada.client.hears({ type: "ERROR", code: "AGENT_NOT_FOUND", ref: "m1" });
    for (const to of ["#nowhere", "#all", "#", "#a b"]) {
      await ada.client.says({ type: "MSG", to, content: "x" });
      await ada.client.hears({ type: "ERROR", code: "CHANNEL_NOT_FOUND", ref: "MSG" });
    }
    world.expectSound();
  });

  it("reach a public channel from outside it, whose members hear", async () => {
    await bob.client.says({ type: "JOIN", channel: "#general" });
    await ada.client.says({ type: "MSG", to: "#general", content: "from outside" });
    await bob.client.hears({ type: "MSG", content: "from outside" });
    expect(ada.client.all().filter(({ type }) => type !== "ERROR")).toEqual([]);
  });

  it("that are signed carry signature, key and whether it is good, under the client's own time", async () => {
    const signer = await world.proved("signer");
    await bob.client.says({ type: "JOIN", channel: "#general" });
    bob.client.all();
    const [to, content, ts] = ["#general", "signed ü", 1_234_567_890_123];
    const sig = keyFor("signer").signs(JSON.stringify({ to, content, ts }));
    await signer.client.says({ type: "MSG", to, content, ts, sig });
    expect(await bob.client.hears({ type: "MSG" })).toMatchObject({
      from: signer.id,
      ts,
      sig,
      pubkey: keyFor("signer").spki,
      verified: true,
    });
    await signer.client.says({ type: "MSG", to, content: "other text", ts, sig });
    expect(await bob.client.hears({ type: "MSG" })).toMatchObject({ content: "other text", verified: false });
    await ada.client.says({ type: "MSG", to, content, ts, sig });
    expect(await bob.client.hears({ type: "MSG" })).toMatchObject({ from: ada.id, verified: false });
  });

  it("cannot be given out as verified by another dialect", async () => {
    const key = keyFor("signer");
    const sig = key.signs(JSON.stringify({ to: bob.id, content: "send money", ts: 1 }));
    world.exchange.ledger.messages.accepted += 1;
    const { Message } = await import("../../../src/core/index.js");
    const data = { sig, pubkey: key.spki, to: bob.id, ts: 1, verified: true };
    const envelope = {
      message_id: "m",
      timestamp: "",
      from: "mallory",
      to: bob.id.slice(1),
      type: "inform" as const,
      priority: "NORMAL" as const,
      content: { message: "send money", data },
    };
    world.exchange.submit(
      Message.of(envelope, {
        topic: bob.id.slice(1),
        receivedAt: world.clock.now(),
        trust: "claimed",
        origin: undefined,
      }),
    );
    expect(await bob.client.hears({ type: "MSG" })).toMatchObject({ from: "@mallory", verified: false });
  });

  it("with a bad signature are refused where the configuration says so", async () => {
    world = new AgentChatWorld({ settings: { agentchat: { signatures: "strict" } } });
    const signer = await world.proved("signer", { echo: true });
    await signer.client.says({ type: "MSG", to: signer.id, content: "x", ts: 1, sig: keyFor("signer").signs("y") });
    await signer.client.hears({ type: "ERROR", code: "INVALID_MSG" });
    const good = JSON.stringify({ to: signer.id, content: "x", ts: 1 });
    await signer.client.says({ type: "MSG", to: signer.id, content: "x", ts: 1, sig: keyFor("signer").signs(good) });
    await signer.client.hears({ type: "MSG", verified: true });
  });

  it("answer what they name", async () => {
    await ada.client.says({ type: "MSG", to: bob.id, content: "question", msg_id: "q1" });
    await bob.client.says({ type: "MSG", to: ada.id, content: "answer" });
    await ada.client.hears({ type: "MSG", from: bob.id, content: "answer", in_reply_to: "q1" });
  });

  it("said again by somebody who did not know are heard once, for a day; another text under the same id is another message", async () => {
    const say = { type: "MSG", to: bob.id, content: "once", msg_id: "daemon".padEnd(32, "1") };
    await ada.client.says(say);
    await ada.client.vanishes();
    const again = await world.ephemeral("ada");
    await again.client.says(say);
    await again.client.says({ ...say, content: "twice" });
    expect(bob.client.all().map(({ content }) => content)).toEqual(["once", "twice"]);
    world.clock.advance(24 * 60 * 60 * 1_000);
    await again.client.says(say);
    expect(bob.client.all().map(({ content }) => content)).toEqual(["once"]);
  });

  it("said again are confirmed again, and with a short id they are another speaker's on another connection", async () => {
    const say = { type: "MSG", to: bob.id, content: "once", msg_id: "1" };
    for (const time of ["first", "again"]) {
      await ada.client.says(say);
      expect(await ada.client.hears({ type: "MSG", msg_id: "1" }), time).toMatchObject({ content: "once", to: bob.id });
    }
    const namesake = await world.ephemeral("ada");
    await namesake.client.says(say);
    expect(bob.client.all().map(({ content, from }) => [content, from])).toEqual([
      ["once", ada.id],
      ["once", namesake.id],
    ]);
  });

  it("said again after a restart are heard once", async () => {
    const table = new TablesMemory().table<SeenRow>("seen");
    const said = { speaker: "a", messageId: "1", text: "x" };
    await new Seen(table).remember(said, 1);
    expect([new Seen(table).has(said, 2), new Seen(table).has({ ...said, text: "y" }, 2)]).toEqual([true, false]);
  });

  it("that are old are forgotten a few with each new one, in small changes of the table", async () => {
    const table = new TablesMemory().table<SeenRow>("seen");
    await table.batch(Array.from({ length: 1_000 }, (_, at) => ({ put: `old ${at}`, value: at })));
    const sizes: number[] = [];
    const seen = new Seen({
      get: (key) => table.get(key),
      put: (key, value) => table.put(key, value),
      delete: (key) => table.delete(key),
      range: (from, to) => table.range(from, to),
      batch: (changes) => {
        sizes.push(changes.length);
        return table.batch(changes);
      },
    });
    const later = 48 * 60 * 60 * 1_000;
    for (let at = 0; at < 40; at += 1) await seen.remember({ speaker: "a", messageId: String(at), text: "x" }, later);
    expect(Math.max(...sizes)).toBe(33);
    expect([...table.range("", "~")]).toHaveLength(40);
  });

  it("of one speaker in thousands make no room among those of another, over a restart, too", async () => {
    const table = new TablesMemory().table<SeenRow>("seen");
    const first = { speaker: "a", network: "192.0.2.1", messageId: "1", text: "x" };
    const seen = new Seen(table, 100);
    await seen.remember(first, 1);
    for (let at = 0; at < 150; at += 1)
      await seen.remember({ speaker: "b", network: "203.0.113.9", messageId: String(at), text: "x" }, 2);
    const again = new Seen(table, 100);
    await again.remember({ speaker: "c", network: "203.0.113.9", messageId: "1", text: "x" }, 3);
    expect([seen.has(first, 4), again.has(first, 4)]).toEqual([true, true]);
    expect([...table.range("", "\uffff")]).toHaveLength(100);
  });

  it("reach agents and channels only, spelled as such", async () => {
    for (const [to, code] of [
      ["@all", "AGENT_NOT_FOUND"],
      ["all", "INVALID_MSG"],
      ["#all", "CHANNEL_NOT_FOUND"],
      ["@$broker", "AGENT_NOT_FOUND"],
      ["$broker", "INVALID_MSG"],
      ["@#general", "INVALID_MSG"],
      ["@", "INVALID_MSG"],
      [bob.id.slice(1), "INVALID_MSG"],
    ]) {
      await ada.client.says({ type: "MSG", to, content: "x", msg_id: "m" });
      await ada.client.hears({ type: "ERROR", code, ref: "m" });
    }
    for (const { client } of [ada, bob]) await client.hearsNothing();
  });

  it("come back to their sender as they were said, signature and time included", async () => {
    const signer = await world.proved("signer");
    const said = { to: bob.id, content: "x", ts: 1 };
    await signer.client.says({ type: "MSG", ...said, sig: keyFor("signer").signs(JSON.stringify(said)) });
    const heard = await bob.client.hears({ type: "MSG" });
    expect(await signer.client.hears({ type: "MSG" })).toMatchObject(heard);
    expect(heard).toMatchObject({ verified: true, ts: 1, pubkey: keyFor("signer").spki });
    await signer.client.says({ type: "MSG", to: bob.id, content: "x", sig: keyFor("signer").signs("x") });
    expect(await bob.client.hears({ type: "MSG" })).toMatchObject({ verified: false, ts: world.clock.now() });
  });

  it("are counted for each connection, whoever speaks there; a PING costs a tenth", async () => {
    world = new AgentChatWorld({ limits: { agentchatRatePerSecond: 1, agentchatBurst: 2 } });
    const [one, two] = [await world.ephemeral("one"), await world.ephemeral("two")];
    for (let time = 0; time < 2; time += 1) await one.client.says({ type: "MSG", to: "#general", content: "x" });
    await one.client.says({ type: "PING" });
    await one.client.hears({ type: "ERROR", code: "RATE_LIMITED", ref: "PING" });
    await two.client.says({ type: "MSG", to: "#general", content: "x" });
    await two.client.hearsNothing();
  });

  it("that were refused can be said again under their id", async () => {
    await ada.client.says({ type: "MSG", to: "#later", content: "x", msg_id: "m1" });
    await ada.client.hears({ type: "ERROR", code: "CHANNEL_NOT_FOUND", ref: "m1" });
    await bob.client.says({ type: "CREATE_CHANNEL", channel: "#later" });
    await ada.client.says({ type: "MSG", to: "#later", content: "x", msg_id: "m1" });
    await bob.client.hears({ type: "MSG", content: "x" });
  });

  it("are ten at once and one a second then; what is too much is refused with when to try again", async () => {
    world = new AgentChatWorld({ limits: { agentchatRatePerSecond: 1, agentchatBurst: 10 } });
    const hasty = await world.ephemeral("hasty");
    for (let n = 0; n < 11; n += 1)
      await hasty.client.says({ type: "MSG", to: hasty.id, content: `${n}`, msg_id: `m${n}` });
    const heard = hasty.client.all();
    expect(heard.map(({ type }) => type)).toEqual([...new Array<string>(10).fill("MSG"), "ERROR"]);
    expect(heard[10]).toMatchObject({ code: "RATE_LIMITED", ref: "m10", retry_after: 1_000 });
    world.clock.advance(1_000);
    await hasty.client.says({ type: "MSG", to: hasty.id, content: "10", msg_id: "m10" });
    await hasty.client.hears({ type: "MSG", content: "10" });
  });

  it("come several in a frame, one per line, and a bad line harms no other", async () => {
    const line = (content: string): string => JSON.stringify({ type: "MSG", to: bob.id, content });
    await ada.client.says(`${line("one")}\n{"type":"MSG"\n\n${line("two")}\n`);
    expect(bob.client.all().map(({ content }) => content)).toEqual(["one", "two"]);
    await ada.client.hears({ type: "ERROR", code: "INVALID_MSG" });
    await ada.client.says(JSON.stringify({ type: "PING" }, undefined, 2));
    await ada.client.hears({ type: "PONG" });
  });

  it("carry a time of the server, whatever they are", async () => {
    for (const said of [
      { type: "PING" },
      { type: "JOIN", channel: "#general" },
      { type: "LIST_CHANNELS" },
      { type: "nonsense" },
      { type: "LEAVE", channel: "#general" },
    ])
      await ada.client.says(said);
    const heard = ada.client.all();
    expect(heard).toHaveLength(5);
    for (const { ts } of heard) expect(ts).toBe(world.clock.now());
  });
});
