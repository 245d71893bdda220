import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Proposal } from "../../../bridges/agentchat/negotiation/proposal.js";
import { Proposals } from "../../../bridges/agentchat/negotiation/proposals.js";
import type { SeenRow } from "../../../bridges/agentchat/seen.js";
import { TablesLmdb, TablesMemory } from "../../../src/storage/index.js";
import { keyFor, type TestKey } from "../../kit/agentchat-keys.js";
import { offer, said } from "../../kit/agentchat-proposals.js";
import { startBroker, type TestBroker } from "../../kit/broker.js";
import { ChatWire, type ChatFrame } from "../../kit/chat-wire.js";

const [ada, bob, eve] = [keyFor("ada"), keyFor("bob"), keyFor("eve")];
const day = 24 * 60 * 60 * 1_000;
const msgId = "a message that ada has said before";

/** Ada's offer to bob, as it was kept under former ids. */
const former = (id: string, more: Partial<Proposal> = {}): Proposal =>
  offer(id, {
    from: ada.formerId,
    to: bob.formerId,
    signedTo: `@${bob.formerId}`,
    pubkey: ada.spki,
    at: Date.now() - day,
    ...more,
  });

/** What a broker kept of ada and bob when ids were made of the 32 bytes. */
function formerRows(): Readonly<Record<string, Readonly<Record<string, unknown>>>> {
  const seen = createHash("sha256").update(JSON.stringify([ada.formerId, msgId, "#general\nhello"]));
  return {
    "proved-names": {
      [ada.formerId]: { until: Date.now() + 20 * day, network: "192.0.2.1" },
      [bob.formerId]: Date.now() + 20 * day,
    },
    rooms: {
      "#club": { owner: `proof key:${ada.spki}`, standing: "free", network: "192.0.2.1" },
      [`#club\nproof key:${ada.spki}`]: true,
      [`#club\nproof key:${bob.spki}`]: true,
    },
    "agentchat-proposals": {
      agreed: former("agreed", {
        status: "accepted",
        steps: [said("ACCEPT", bob.formerId, { pubkey: bob.spki, at: Date.now() - day })],
      }),
      asked: former("asked"),
    },
    "agentchat-seen": {
      [seen.digest("base64url")]: { at: Date.now() - 1_000, network: "127.0.0.1", speaker: "x" } satisfies SeenRow,
    },
  };
}

describe("AgentChat: a data directory from when ids were made of the 32 bytes of a key", () => {
  let dataDir: string;
  let at: TestBroker | undefined;
  const wires: ChatWire[] = [];

  const tablesOf = (): TablesLmdb => {
    const tables = new TablesLmdb({
      path: join(dataDir, "tables"),
      failed: (error) => {
        throw error;
      },
    });
    tables.open();
    return tables;
  };
  const start = async (): Promise<void> => {
    at = await startBroker({ dataDir });
  };
  const stop = async (): Promise<void> => {
    for (const wire of wires.splice(0)) wire.close();
    await at?.stop();
    at = undefined;
  };
  const opens = async (key: TestKey): Promise<ChatWire> => {
    const { pan } = at ?? expect.fail("no broker runs");
    const wire = await ChatWire.open(pan.replace(/pan$/, "agentchat"));
    wires.push(wire);
    wire.say({ type: "IDENTIFY", name: "somebody", pubkey: key.pem });
    return wire;
  };
  const proves = async (key: TestKey): Promise<ChatWire> => {
    const wire = await opens(key);
    await wire.proves(key);
    wire.id = String((await wire.hears(({ type }) => type === "WELCOME"))["agent_id"]);
    return wire;
  };
  const refusal = (wire: ChatWire): Promise<ChatFrame> => wire.hears(({ type }) => type === "ERROR");
  const step = (key: TestKey, type: string, id: string): ChatFrame => ({
    type,
    proposal_id: id,
    sig: key.signs(`${type}|${id}|`),
  });

  beforeEach(async () => {
    dataDir = mkdtempSync(join(tmpdir(), "synaptic-former-"));
    mkdirSync(join(dataDir, "tables"), { mode: 0o700 });
    const tables = tablesOf();
    for (const [name, rows] of Object.entries(formerRows()))
      await tables.table<unknown>(name).batch(Object.entries(rows).map(([put, value]) => ({ put, value })));
    await tables.close();
    await start();
  });
  afterEach(async () => {
    await stop();
    rmSync(dataDir, { recursive: true, force: true });
  });

  it("still wants the proof of a key that was proved, and of no other", async () => {
    const thief = await opens(ada);
    await thief.settled();
    expect(thief.frames.map(({ type }) => type)).toEqual(["CHALLENGE"]);
    const newcomer = await opens(eve);
    await newcomer.settled();
    expect(newcomer.frames.map(({ type }) => type)).toEqual(["WELCOME", "CHALLENGE"]);
    expect((await proves(ada)).id).toBe(`@${ada.id}`);
  });

  it("leaves a former id to nobody: neither to a program nor to whoever has another key", () => {
    const { broker } = at ?? expect.fail("no broker runs");
    for (const name of [ada.formerId, bob.formerId])
      expect(() => broker.agent(name)).toThrow(expect.objectContaining({ code: "unauthenticated" }) as Error);
  });

  it("lets owner and guest into their invite-only room under their present ids, and nobody else", async () => {
    for (const key of [ada, bob]) {
      const wire = await proves(key);
      wire.say({ type: "JOIN", channel: "#club" });
      expect((await wire.hears(({ type }) => type === "JOINED"))["agents"]).toContain(wire.id);
    }
    const outsider = await proves(eve);
    outsider.say({ type: "JOIN", channel: "#club" });
    expect(await refusal(outsider)).toMatchObject({ code: "NOT_INVITED" });
  });

  it("goes on with agreements: both parties under their present ids, and nobody else", async () => {
    const [one, two, other] = [await proves(ada), await proves(bob), await proves(eve)];
    for (const frame of [step(eve, "ACCEPT", "asked"), step(eve, "COMPLETE", "agreed")]) {
      other.say(frame);
      expect(await refusal(other)).toMatchObject({ code: "NOT_PROPOSAL_PARTY" });
    }
    two.say(step(bob, "COMPLETE", "agreed"));
    two.say(step(bob, "ACCEPT", "asked"));
    for (const wire of [one, two])
      for (const [type, id] of [
        ["COMPLETE", "agreed"],
        ["ACCEPT", "asked"],
      ])
        expect(await wire.hears((frame) => frame.type === type)).toMatchObject({
          proposal_id: id,
          from: `@${bob.id}`,
          to: `@${ada.id}`,
        });
    one.say(step(ada, "COMPLETE", "asked"));
    expect(await two.hears(({ type }) => type === "COMPLETE")).toMatchObject({ from: `@${ada.id}`, to: `@${bob.id}` });
  });

  it("tells a message only once that was said before the ids changed", async () => {
    const wire = await proves(ada);
    wire.say({ type: "JOIN", channel: "#general" });
    await wire.hears(({ type }) => type === "JOINED");
    const listener = await proves(eve);
    listener.say({ type: "JOIN", channel: "#general" });
    await listener.hears(({ type }) => type === "JOINED");
    for (const content of ["hello", "again"]) wire.say({ type: "MSG", to: "#general", content, msg_id: msgId });
    await listener.text("again");
    await listener.settled();
    expect(listener.frames.filter(({ type }) => type === "MSG")).toEqual([]);
  });

  it("keeps under present ids what it changes, once: the next start changes nothing", async () => {
    const two = await proves(bob);
    two.say(step(bob, "REJECT", "asked"));
    await two.hears(({ type }) => type === "REJECT");
    await stop();
    const read = async (): Promise<unknown> => {
      const tables = tablesOf();
      const rows = [...tables.table<Proposal>("agentchat-proposals").range("", "\uffff")];
      await tables.close();
      return rows;
    };
    const rows = await read();
    expect(rows).toMatchObject([
      ["agreed", { from: ada.id, to: bob.id, signedTo: `@${bob.formerId}`, steps: [{ by: bob.id }] }],
      ["asked", { from: ada.id, to: bob.id, signedTo: `@${bob.formerId}`, steps: [{ by: bob.id }] }],
    ]);
    await start();
    const again = await proves(ada);
    again.say(step(ada, "ACCEPT", "asked"));
    expect(await refusal(again)).toMatchObject({ code: "NOT_PROPOSAL_PARTY" });
    await stop();
    expect(await read()).toEqual(rows);
  });
});

describe("AgentChat: proposals from when ids were made of the 32 bytes of a key", () => {
  it("are the same again when the process dies before they are written", async () => {
    const disk = new TablesMemory().table<Proposal>("disk");
    const kept = former("agreed", { status: "accepted", steps: [said("ACCEPT", bob.formerId, { pubkey: bob.spki })] });
    await disk.batch([
      { put: "agreed", value: kept },
      { put: "asked", value: former("asked") },
    ]);
    // A disk that is never reached: all is written at once, or nothing.
    const batches: unknown[] = [];
    const lost = Object.assign(Object.create(disk) as typeof disk, {
      get: (key: string) => disk.get(key),
      range: (from: string, to: string) => disk.range(from, to),
      batch: (changes: unknown) => {
        batches.push(changes);
        return new Promise<void>(() => undefined);
      },
    });
    expect(new Proposals(lost).size).toBe(2);
    expect(batches).toHaveLength(1);
    expect(disk.get("agreed")).toEqual(kept);
    const next = new Proposals(disk);
    const complete = said("COMPLETE", ada.id, { pubkey: ada.spki });
    expect(await next.step("agreed", complete, {}, ada.formerId)).toMatchObject({ from: ada.id, to: bob.id });
    expect(disk.get("asked")).toMatchObject({ from: ada.id, to: bob.formerId });
  });

  it("stay as they are where a name is not made of the key beside it", async () => {
    const disk = new TablesMemory().table<Proposal>("disk");
    const kept = former("agreed", { from: eve.formerId, to: eve.formerId, steps: [said("ACCEPT", eve.formerId)] });
    await disk.put("agreed", kept);
    expect(new Proposals(disk).size).toBe(1);
    expect(disk.get("agreed")).toEqual(kept);
  });
});
