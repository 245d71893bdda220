import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { BrokerOptions } from "../../src/index.js";
import { eventually, startBroker, type TestBroker } from "../kit/broker.js";
import { mailDoors, overPan, type Caller } from "../kit/mail-doors.js";
import { PanWire } from "../kit/pan-wire.js";
import { issueToken } from "../kit/tokens.js";

interface Taken {
  readonly message_id: string;
  readonly content: { readonly message: string };
  readonly $broker: { readonly delivery_id: string; readonly attempt: number };
}

const unlimited = {
  agentchatRatePerSecond: 0,
  panRatePerSecond: 0,
  brokerRatePerSecond: 0,
  faultsPerSecondMax: 10_000,
};
const zeros = "0".repeat(32);
/** What a sender hears of a message that asked for receipts, in whatever words. */
const isReceipt = (frame: Readonly<Record<string, unknown>>): boolean =>
  /delivery|receipt/i.test(JSON.stringify(frame));

describe.each(mailDoors)("what makes no sense, at the door of $name", (door) => {
  let test: TestBroker;
  let dataDir: string;
  const here = new Set<Caller>();

  const start = async (options: BrokerOptions = {}): Promise<void> => {
    test = await startBroker({ dataDir, ...options, limits: { ...unlimited, ...options.limits } });
  };
  const goAll = async (): Promise<void> => {
    for (const caller of here) await caller.vanish();
    here.clear();
  };
  const restart = async (options: BrokerOptions = {}): Promise<void> => {
    await goAll();
    await test.stop();
    await start(options);
  };

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "synaptic-test-"));
    await start();
  });

  afterEach(async () => {
    await goAll();
    await test.stop();
    await rm(dataDir, { recursive: true, force: true });
  });

  const kept = (caller: Caller): Caller => {
    here.add(caller);
    return caller;
  };
  const gone = async (caller: Caller): Promise<void> => {
    here.delete(caller);
    await caller.vanish();
  };
  const enter = async (name: string): Promise<Caller> => kept(await door.enter(test, name));
  const opened = async (name: string, data: Record<string, unknown> = {}): Promise<Caller> => {
    const owner = await enter(name);
    const { code } = await owner.ask("mailbox.open", data);
    expect(code).toBeUndefined();
    return owner;
  };
  const status = async (owner: Caller): Promise<Record<string, unknown>> => {
    const { data } = await owner.ask("mailbox.status");
    return data as Record<string, unknown>;
  };
  const take = async (owner: Caller, more: Record<string, unknown> = {}): Promise<readonly Taken[]> => {
    const { data } = await owner.ask("mailbox.take", { max: 10, wait_ms: 5_000, ...more });
    return (data as { messages: readonly Taken[] }).messages;
  };
  const one = async (owner: Caller, more: Record<string, unknown> = {}): Promise<string> => {
    const [taken] = await take(owner, more);
    return taken?.$broker.delivery_id ?? expect.fail("nothing was taken");
  };
  const states = async (owner: Caller, kind: string, ids: readonly unknown[], more = {}): Promise<unknown> => {
    const { data, code } = await owner.ask(kind, { ids, ...more });
    return code ?? (data as { results: { state: string }[] }).results.map(({ state }) => state);
  };
  const settlers: readonly [string, Record<string, unknown>][] = [
    ["mailbox.done", {}],
    ["mailbox.refuse", { reason: "no" }],
    ["mailbox.extend", { lease_ms: 5_000 }],
    ["mailbox.release", { delay_ms: 0 }],
    ["mailbox.redeliver", {}],
  ];

  /** The operator, by a token of its own, over PAN: it may what nobody else may, in every door's box. */
  const operating = async (): Promise<Caller> => {
    const token = await issueToken(dataDir, "boss", "ws", { scopes: ["operate"] });
    const wire = await PanWire.login(test.pan, "boss", token);
    return overPan(test, "boss", wire);
  };

  it("delivery ids that nobody gave change nothing, and those that are none are named", async () => {
    const owner = await opened("bob", { mode: "take" });
    const ada = await enter("ada");
    await ada.say(owner.name, "work", "m1");
    const id = await one(owner);
    const [place] = id.split("-");
    const guessed = ["", "x", `${place ?? ""}-${zeros}`, `zzzzzzzzzz-${zeros}`, `-1-${zeros}`, "é".repeat(500)];
    for (const [kind, more] of settlers)
      expect(await states(owner, kind, guessed, more)).toEqual(guessed.map(() => "unknown"));
    for (const ids of [[], "x", [7], [null], Array.from({ length: 1_001 }, () => id)])
      for (const [kind, more] of settlers) {
        const refused = await owner.ask(kind, { ids, ...more });
        expect([refused.code, refused.message]).toEqual([door.codes.malformed, expect.stringMatching(/ids/)]);
      }
    expect(await status(owner)).toMatchObject({ waiting: 0, leased: 1, done: 0 });
  });

  it("delivery ids and leases of others are nobody else's to settle", async () => {
    const owner = await opened("bob", { mode: "take" });
    const thief = await opened("eve", { mode: "take" });
    await thief.say(owner.name, "not yours", "m1");
    const id = await one(owner);
    for (const [kind, more] of settlers) {
      expect(await states(thief, kind, [id], more)).toEqual(["unknown"]);
      expect(await states(thief, kind, [id], { ...more, agent: owner.name })).toBe(door.codes.forbidden);
    }
    for (const kind of ["mailbox.take", "mailbox.peek", "mailbox.status", "mailbox.close"]) {
      const refused = await thief.ask(kind, { agent: owner.name });
      expect([kind, refused.code, refused.message]).toEqual([
        kind,
        door.codes.forbidden,
        expect.stringMatching(/operator/),
      ]);
    }
    expect(await states(owner, "mailbox.extend", [id], { lease_ms: 5_000 })).toEqual(["leased"]);
  });

  it("what is settled stays so, whatever is said of it again", async () => {
    const owner = await opened("bob", { mode: "take" });
    const ada = await enter("ada");
    await ada.say(owner.name, "work", "m1");
    const id = await one(owner);
    expect(await states(owner, "mailbox.done", [id, id])).toEqual(["done", "done"]);
    for (const [kind, more] of settlers) expect(await states(owner, kind, [id], more)).toEqual(["done"]);
    expect(await status(owner)).toMatchObject({ stored: 1, waiting: 0, leased: 0, done: 1, refused: 0 });
  });

  it("what has expired is not done any more; whose lease has ended may still say so", async () => {
    const owner = await opened("bob", { mode: "take", keep_s: 4 });
    const ada = await enter("ada");
    await ada.say(owner.name, "short", "m1");
    const short = await one(owner, { lease_ms: 1_000 });
    await eventually(async () => (await status(owner))["leased"] === 0, "its lease has ended");
    expect(await take(owner, { wait_ms: 0 })).toEqual([]); // it rests for a minute
    expect(await states(owner, "mailbox.done", [short])).toEqual(["done"]);
    await ada.say(owner.name, "late", "m2");
    const late = await one(owner);
    await eventually(async () => (await status(owner))["leased"] === 0, "its time is over");
    for (const [kind, more] of settlers) expect(await states(owner, kind, [late], more)).toEqual(["expired"]);
    expect(await status(owner)).toMatchObject({ stored: 2, waiting: 0, leased: 0 });
  });

  const absurd: readonly [string, string, readonly unknown[]][] = [
    ["mailbox.take", "max", [0, -1, 1.5, 1_001, 1e300, "5", true, [1], {}]],
    ["mailbox.take", "wait_ms", [-1, 30_001, 0.5, "soon", 1e300]],
    ["mailbox.take", "lease_ms", [0, 999, 3_600_001, -1, 1_000.5, "1000"]],
    ["mailbox.take", "max_bytes", [0, -1, 0.1, 1e300]],
    ["mailbox.take", "max_tokens", [0, -1, 0.1, "many"]],
    ["mailbox.extend", "lease_ms", [0, 999, 3_600_001, 1e12, "an hour"]],
    ["mailbox.release", "delay_ms", [-1, 3_600_001, 0.5, "later"]],
    ["mailbox.refuse", "reason", [5, "x".repeat(257), {}]],
    ["mailbox.peek", "max", [0, 1_001, -5, "all"]],
    ["mailbox.peek", "after", [5, "last", {}, { epoch: 5, seq: 1 }, { epoch: "x", seq: -1 }]],
    ["mailbox.open", "mode", ["pull", 1, ""]],
    ["mailbox.open", "keep_s", [0, -1, 0.5, 366 * 86_400 + 1, "week"]],
    ["mailbox.open", "max", [0, -1, 1_001, 1_000_001, 0.5]],
    ["mailbox.open", "max_bytes", [0, 1_023, 16 * 1024 * 1024 + 1, 1e300]],
    ["mailbox.close", "discard", ["yes", 1, {}]],
    ["mailbox.state", "message_id", ["", 5, "x".repeat(257), {}]],
  ];

  it("absurd numbers and words are refused by the name of their field, and nothing happens", async () => {
    const owner = await opened("bob", { mode: "take" });
    const ada = await enter("ada");
    await ada.say(owner.name, "work", "m1");
    const id = await one(owner);
    const before = await status(owner);
    const needs: Record<string, unknown> = { "mailbox.extend": [id], "mailbox.release": [id], "mailbox.refuse": [id] };
    for (const [kind, field, values] of absurd)
      for (const value of values) {
        const ids = needs[kind] === undefined ? {} : { ids: needs[kind] };
        const { code, message } = await owner.ask(kind, { ...ids, [field]: value });
        expect([kind, value, code, message]).toEqual([
          kind,
          value,
          door.codes.malformed,
          expect.stringContaining(field) as string,
        ]);
      }
    expect(await status(owner)).toEqual(before);
    expect(await states(owner, "mailbox.extend", [id], { lease_ms: 3_600_000 })).toEqual(["leased"]);
  });

  it("one answer has 1 MiB at most on ZeroMQ, and what a frame holds elsewhere, but one message in any case", async () => {
    const owner = await opened("bob", { mode: "take" });
    const ada = await enter("ada");
    const text = "x".repeat(40_000);
    for (let at = 0; at < 39; at += 1) await ada.say(owner.name, text, `m${String(at)}`);
    await ada.say(owner.name, text, "last", door.name === "ZeroMQ" ? ["stored"] : true);
    await eventually(() => ada.others.some(isReceipt), "all are on the disk, and may be taken");
    const first = await take(owner, { max: 1_000, wait_ms: 0 });
    if (door.name === "ZeroMQ") {
      expect(first.length).toBeGreaterThan(20);
      expect(JSON.stringify(first).length).toBeLessThan(1024 * 1024);
    } else expect(first).toHaveLength(1);
    expect(await take(owner, { max: 1_000, max_bytes: 1, wait_ms: 0 })).toHaveLength(1);
    expect(await take(owner, { max: 1_000, max_tokens: 1, wait_ms: 0 })).toHaveLength(1);
  });

  it("receipts in unknown words are not told, and the message is kept as any other", async () => {
    const owner = await opened("bob", { mode: "take" });
    const ada = await enter("ada");
    const words = ["yes", 5, [], ["read"], ["stored", "read"], {}, null];
    for (const [at, receipt] of words.entries()) await ada.say(owner.name, `m${String(at)}`, `m${String(at)}`, receipt);
    await ada.settled();
    await eventually(async () => (await status(owner))["waiting"] === words.length, "all are kept");
    await ada.say(owner.name, "told", "told", door.name === "ZeroMQ" ? ["stored", "settled"] : true);
    await eventually(() => ada.others.some(isReceipt), "the one that was asked for");
    const told = ada.others.filter(isReceipt);
    for (const frame of told) expect(JSON.stringify(frame)).toMatch(/"told"/);
  });

  it("a sender fills a quarter of a stranger's box, is told when to try again, and others still get in", async () => {
    const owner = await opened("bob", { mode: "take", max: 8 });
    const [ada, eve] = [await enter("ada"), await enter("eve")];
    for (const id of ["1", "2", "3"]) await eve.say(owner.name, id, id);
    await eventually(() => eve.others.some((frame) => JSON.stringify(frame).includes(door.full)), "eve is told");
    const [refused] = eve.others.filter((frame) => JSON.stringify(frame).includes(door.full));
    expect(JSON.stringify(refused)).toMatch(/retry_?after/i);
    expect(JSON.stringify(refused)).toMatch(/as much as one sender may have/);
    await ada.say(owner.name, "from ada", "4");
    await eventually(async () => (await status(owner))["waiting"] === 3, "ada's came in");
    const texts: string[] = [];
    while (texts.length < 3) texts.push(...(await take(owner)).map(({ content }) => content.message));
    expect(texts).toEqual(["1", "2", "from ada"]);
  });

  it("a box more than there may be is full, and closing one makes room", async () => {
    // Half of them are for those with a token, which PAN's have here.
    await restart({ limits: { mailboxesMax: door.name === "PAN" ? 3 : 6 } });
    const owners = [await opened("b1"), await opened("b2"), await opened("b3")];
    const late = await enter("b4");
    const refused = await late.ask("mailbox.open");
    expect([refused.code, refused.message]).toEqual([door.codes.full, expect.stringMatching(/mailboxesMax/)]);
    const first = owners[0] ?? expect.fail("no owner");
    const operator = { agent: first.name };
    if (door.name === "ZeroMQ") {
      // Anybody can say such a name, so only the operator closes its box.
      const { code } = await first.ask("mailbox.close");
      expect(code).toBe(door.codes.forbidden);
      const boss = kept(await operating());
      expect((await boss.ask("mailbox.close", operator)).code).toBeUndefined();
    } else expect((await first.ask("mailbox.close")).code).toBeUndefined();
    expect((await late.ask("mailbox.open")).code).toBeUndefined();
    expect((await first.ask("mailbox.status")).code).toBe(door.codes["not-found"]);
  });

  it("a box in which something waits is not closed, unless that is to be lost", async () => {
    const owner = kept(await door.proved(test, "bob"));
    await owner.ask("mailbox.open", { mode: "take" });
    const ada = await enter("ada");
    await ada.say(owner.name, "work", "m1");
    await one(owner);
    const refused = await owner.ask("mailbox.close");
    expect([refused.code, refused.message]).toEqual([
      door.codes.conflict,
      expect.stringMatching(
        /1 message waits.*1 of them taken.*mailbox\.release, or broker mailbox release .*discard: true/,
      ),
    ]);
    expect((await owner.ask("mailbox.close", { discard: true })).code).toBeUndefined();
    expect((await owner.ask("mailbox.take")).code).toBe(door.codes["not-found"]);
  });

  it("an owner that comes and goes as fast as it can hears everything, in order, and the sums are exact", async () => {
    await gone(await opened("bob"));
    const ada = await enter("ada");
    let name = "";
    const texts: string[] = [];
    const said: string[] = [];
    for (let round = 0; round < 30; round += 1) {
      const owner = await enter("bob");
      name = owner.name;
      said.push(`m${String(round)}`);
      await ada.say(name, `m${String(round)}`, `m${String(round)}`);
      if (round % 3 === 0) await owner.settled();
      texts.push(...owner.texts);
      await gone(owner);
    }
    await ada.settled();
    const owner = await enter("bob");
    await eventually(async () => (await status(owner))["waiting"] === 0, "all is handed over");
    texts.push(...owner.texts);
    const sums = await status(owner);
    expect(sums).toMatchObject({ stored: 30, waiting: 0, leased: 0, done: 30 });
    if (door.name !== "ZeroMQ") expect([...new Set(texts)].sort()).toEqual([...said].sort());
  });

  it("a second connection of the owner's in push mode hears what is new; each message is settled once", async () => {
    const first = await opened("bob");
    const second = await enter("bob");
    const ada = await enter("ada");
    await ada.say(second.name, "new", "m1");
    await eventually(() => second.texts.includes("new"), "the one that came last hears it");
    await eventually(async () => (await status(second))["done"] === 1, "it is handed over");
    expect(second.texts).toEqual(["new"]);
    if (door.newcomer === "joins") await eventually(() => first.texts.includes("new"), "the first hears it, too");
    else expect(first.texts).toEqual([]);
    here.delete(door.newcomer === "joins" ? ada : first); // who was displaced has gone
    if (door.newcomer === "joins") kept(ada);
    expect(await status(second)).toMatchObject({ stored: 1, waiting: 0 });
  });

  it("a name that proves nothing opens no box where others than this machine can claim it", async () => {
    await restart({ zmqIn: ["tcp://0.0.0.0:0"], insecure: true });
    const stranger = kept(await door.stranger(test, "mallory"));
    const refused = await stranger.ask("mailbox.open");
    expect([refused.code, refused.message]).toEqual([
      door.codes.forbidden,
      expect.stringMatching(
        door.name === "AgentChat" ? /is proved: .*with a key of your own/ : /is proved: .*broker token/,
      ),
    ]);
  });

  it("leases outlive a restart, and what was settled by them before is settled by them no more", async () => {
    await opened("bob", { mode: "take" });
    const ada = await enter("ada");
    let owner = [...here][0] ?? expect.fail("no owner");
    for (const id of ["1", "2", "3"]) await ada.say(owner.name, id, id);
    await eventually(async () => (await status(owner))["waiting"] === 3, "all are kept");
    const [done, leased, released] = [await one(owner, { max: 1 }), await one(owner, { max: 1 }), await one(owner)];
    await states(owner, "mailbox.done", [done]);
    await states(owner, "mailbox.release", [released], { delay_ms: 0 });
    await restart();
    owner = await enter("bob");
    expect(await states(owner, "mailbox.refuse", [done])).toEqual(["done"]);
    expect(await states(owner, "mailbox.extend", [released], { lease_ms: 5_000 })).toEqual(["waiting"]);
    expect(await states(owner, "mailbox.done", [leased])).toEqual(["done"]);
    expect((await take(owner)).map(({ $broker }) => $broker.delivery_id)).toEqual([released]);
    expect(await status(owner)).toMatchObject({ stored: 3, leased: 1, done: 2 });
  });
});
