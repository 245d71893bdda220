import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually, startBroker, type TestBroker } from "../kit/broker.js";
import { PlainAgent, type WireMessage } from "../kit/plain-agent.js";
import { issueToken } from "../kit/tokens.js";
import { httpOf } from "./kit.js";

describe("the page of metrics, about mailboxes", () => {
  let test: TestBroker;
  const agents: PlainAgent[] = [];
  beforeEach(async () => {
    test = await startBroker({ mailboxes: [{ agent: "carl", max: 4 }] });
  });
  afterEach(async () => {
    for (const agent of agents.splice(0)) agent.close();
    await test.stop();
  });

  async function agent(name: string, token?: string): Promise<PlainAgent> {
    const made = new PlainAgent(name, test, token === undefined ? {} : { token });
    agents.push(made);
    return made.meet();
  }
  /** The value of a row, as the page says it now. */
  async function value(row: string): Promise<number> {
    const text = await (await fetch(`${httpOf(test.pan)}/metrics`)).text();
    const line = text.split("\n").find((one) => one.startsWith(`${row} `));
    if (line === undefined) expect.fail(`there is no ${row}`);
    return Number(line.slice(row.length));
  }
  const state = (of: string): Promise<number> => value(`synaptic_mailbox_messages{state="${of}"}`);
  const states = async (): Promise<readonly number[]> =>
    Promise.all(["waiting", "leased", "dead"].map((of) => state(of)));

  it("says how many there are, what waits in them, is leased and dead, its bytes, its age, and every sync", async () => {
    expect(await value("synaptic_mailboxes")).toBe(1);
    expect(await states()).toEqual([0, 0, 0]);
    const [ada, eve, bob] = [await agent("ada"), await agent("eve"), await agent("bob")];
    const syncs = await value("synaptic_mailbox_syncs_total");
    await bob.asks("mailbox.open", { mode: "take" });
    await ada.send("bob", "inform", "x".repeat(2_000));
    await eve.send("bob", "inform", "short");
    await ada.send("carl", "inform", "hello");
    for (const one of [ada, eve]) await one.settled();
    expect(await value("synaptic_mailboxes")).toBe(2);
    expect(await states()).toEqual([3, 0, 0]);
    const bytes = await value("synaptic_mailbox_bytes");
    expect(bytes).toBeGreaterThan(2_000);
    expect(bytes).toBeLessThan(5_000);
    expect(await value("synaptic_mailbox_disk_bytes")).toBeGreaterThan(bytes);
    await eventually(async () => (await value("synaptic_mailbox_syncs_total")) > syncs, "it is synced");
    await eventually(async () => (await value("synaptic_mailbox_oldest_seconds")) > 0, "the oldest is seen");
    expect(await value("synaptic_mailbox_oldest_seconds")).toBeLessThan(60);
    expect(await value("synaptic_mailbox_failing")).toBe(0);

    const { messages } = (await bob.asks("mailbox.take", { wait_ms: 5_000 })).content["data"] as {
      messages: readonly WireMessage[];
    };
    const ids = messages.map(({ $broker }) => ($broker as { delivery_id: string }).delivery_id);
    expect(await states()).toEqual([1, 2, 0]);
    await bob.asks("mailbox.done", { ids: ids.slice(0, 1) });
    expect(await states()).toEqual([1, 1, 0]);
    for (let attempt = 1; attempt < 5; attempt += 1) {
      await bob.asks("mailbox.release", { ids: ids.slice(1), delay_ms: 1 });
      await bob.asks("mailbox.take", { wait_ms: 20_000 });
    }
    await bob.asks("mailbox.release", { ids: ids.slice(1), delay_ms: 1 });
    expect(await states()).toEqual([1, 0, 1]);
  });

  it("counts boxes near their bounds", async () => {
    expect(await value("synaptic_mailboxes_nearly_full")).toBe(0);
    const [ada, eve] = [await agent("ada"), await agent("eve")];
    for (const one of [ada, eve]) await one.send("carl", "inform", "hello");
    for (const one of [ada, eve]) await one.settled();
    expect(await value("synaptic_mailboxes_nearly_full")).toBe(0);
    const boss = await agent("boss", await issueToken(test.dataDir, "boss", "zmq", { scopes: ["operate"] }));
    await boss.asks("mailbox.open", { agent: "carl", max: 2 });
    expect(await value("synaptic_mailboxes_nearly_full")).toBe(1);
  });
});
