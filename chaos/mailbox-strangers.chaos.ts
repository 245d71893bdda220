import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { expect } from "vitest";
import { MailStoreLmdb } from "../src/mailbox/index.js";
import { boxRow } from "../test/kit/mail-rows.js";
import { PlainAgent, type WireMessage } from "../test/kit/plain-agent.js";
import { issueToken } from "../test/kit/tokens.js";
import { Operator, settle } from "./kit/accounts.js";
import { BrokerProcess } from "./kit/broker-process.js";
import { Probe } from "./kit/probe-process.js";
import { scenario } from "./kit/scenario.js";

const boxesMax = 50_000;
const runs = 5;
const mostMs = 50;
/** Requests of a thousand ids that one connection may ask at once: each costs 11 of brokerRateBurst. */
const atOnce = 15;

scenario({
  number: 18,
  title: "strangers at mailboxes",
  done: `With ${boxesMax.toLocaleString("en")} mailboxes, which is as many as there can be: one more, too many of one connection, a box filled by strangers, delivery ids that are forged, of others, or of before a restart, a thousand in each request, takes with absurd numbers, lists of all boxes. A client that has nothing to do with it pings; noted: the median of ${String(runs)} runs' longest round trips`,
  limitMs: 120_000,
  async run(course) {
    const broker = await BrokerProcess.start(course);
    await openOfOneConnection(broker);
    await fillOfStrangers(broker);
    const ids = await settleSome(broker);
    await broker.kill();
    await fillBoxes(broker);
    const startedAt = performance.now();
    await broker.again();
    course.note({ "boxes at the start": boxesMax, "start with them, ms": Math.round(performance.now() - startedAt) });
    const late = await new PlainAgent("late", broker, { declare: true }).meet();
    expect(faultOf(await late.asks("mailbox.open")), "one more is too many").toBe("full");
    late.close();
    const operator = await Operator.of(course, broker);
    const probe = await Probe.start(course, broker);
    const measure = async (title: string, run: () => Promise<void>): Promise<void> => {
      const longest: number[] = [];
      for (let at = 0; at < runs; at += 1) longest.push(await probe.during(run));
      longest.sort((one, other) => one - other);
      const median = Math.round((longest[Math.floor(runs / 2)] ?? Infinity) * 10) / 10;
      course.note({ [`${title}, ms`]: median });
      medians.push([title, median]);
    };
    const medians: (readonly [string, number])[] = [];
    await measure("nothing", () => pause(1_500));
    const taker = await new PlainAgent("taker", broker, { declare: true }).meet();
    course.finally(() => {
      taker.close();
    });
    await measure("ids of before the restart", () => replay(taker, ids));
    await measure("forged ids, a thousand in each request", () => forge(taker));
    await measure("takes with absurd numbers", () => absurd(taker));
    for (const [title, median] of medians) expect(median, title).toBeLessThanOrEqual(mostMs);
    await measure("a list of all boxes, page by page", async () => {
      await operator.mailboxes();
    });
    await settle(course, broker);
  },
});

function faultOf({ content }: WireMessage): unknown {
  return content["kind"] === "fault" ? (content["data"] as { readonly code: string }).code : undefined;
}

/** One connection opens a hundred boxes for names that nobody proves, and not one more under another name. */
async function openOfOneConnection(broker: BrokerProcess): Promise<void> {
  const names = Array.from({ length: 100 }, (_, at) => `greedy-${String(at)}`);
  const agent = await new PlainAgent("greedy-0", broker, { topics: names }).meet();
  const open = async (from: string): Promise<unknown> => {
    const content = { message: "open", kind: "mailbox.open" };
    const asked = await agent.send("$broker", "request", "open", { from, content });
    return faultOf((await agent.hears(({ message }) => message.in_reply_to === asked.message_id)).message);
  };
  for (const name of names) expect(await open(name), name).toBeUndefined();
  agent.sub.unsubscribe("greedy-99");
  agent.sub.subscribe("greedy-100");
  await pause(500); // the names are listed
  expect(await open("greedy-100"), "one more").toBe("full");
  agent.close();
}

/** One stranger has a quarter of a box, all of them half; who proves its name has room still. */
async function fillOfStrangers(broker: BrokerProcess): Promise<void> {
  const taker = await new PlainAgent("taker", broker, { declare: true }).meet();
  expect(faultOf(await taker.asks("mailbox.open", { mode: "take" }))).toBeUndefined();
  const says = async (name: string, token?: string): Promise<void> => {
    const agent = await new PlainAgent(name, broker, token === undefined ? {} : { token }).meet();
    for (let at = 0; at < 300; at += 1) await agent.send("taker", "inform", `${name} ${String(at)}`);
    await agent.settled();
    agent.close();
  };
  const waiting = async (): Promise<unknown> =>
    ((await taker.asks("mailbox.status")).content["data"] as { readonly waiting: number }).waiting;
  await says("stranger-1");
  expect(await waiting(), "a quarter").toBe(250);
  await says("stranger-2");
  await says("stranger-3");
  expect(await waiting(), "half").toBe(500);
  await says("friend", await issueToken(broker.dataDir, "friend", "zmq"));
  expect(await waiting()).toBe(750);
  taker.close();
}

/** Takes all, and is done with half of it. @returns the delivery ids of those that are done, and of those that are not */
async function settleSome(broker: BrokerProcess): Promise<{ readonly done: string[]; readonly open: string[] }> {
  const taker = await new PlainAgent("taker", broker, { declare: true }).meet();
  const answer = await taker.asks("mailbox.take", { max: 1_000 });
  const { messages } = answer.content["data"] as { readonly messages: readonly WireMessage[] };
  const all = messages.map((message) => (message["$broker"] as { readonly delivery_id: string }).delivery_id);
  expect(all).toHaveLength(750);
  const [done, open] = [all.slice(0, 400), all.slice(400)];
  await taker.asks("mailbox.done", { ids: done });
  taker.close();
  return { done, open };
}

/** Puts the rest of the boxes onto the disk of a broker that does not run. */
async function fillBoxes({ dataDir }: BrokerProcess): Promise<void> {
  const store = new MailStoreLmdb({ path: join(dataDir, "mail"), failed: () => undefined });
  store.open();
  const first = Math.max(...[...store.boxes()].map(({ id }) => id)) + 1;
  const left = boxesMax - [...store.boxes()].length;
  for (let at = 0; at < left; at += 1_000)
    await store.write(
      Array.from({ length: Math.min(1_000, left - at) }, (_, n) => ({
        box: boxRow(first + at + n, { name: `box-${String(at + n)}` }),
      })),
    ).kept;
  await store.close();
}

function statesOf({ content }: WireMessage): readonly string[] {
  if (content["kind"] === "fault") return [(content["data"] as { readonly code: string }).code];
  const { results } = content["data"] as { readonly results: readonly { readonly state: string }[] };
  return [...new Set(results.map(({ state }) => state))];
}

/** Ids of before the restart: what is done stays done, and a lease is its owner's still. */
async function replay(taker: PlainAgent, { done, open }: { done: string[]; open: string[] }): Promise<void> {
  expect(statesOf(await taker.asks("mailbox.done", { ids: done }))).toEqual(["done"]);
  expect(statesOf(await taker.asks("mailbox.release", { ids: done }))).toEqual(["done"]);
  expect(statesOf(await taker.asks("mailbox.extend", { ids: open }))).toEqual(["leased"]);
}

/** So many requests at once as its bucket allows, a thousand ids in each: right places with wrong secrets. */
async function forge(taker: PlainAgent): Promise<void> {
  await pause(4_000); // its bucket is full again
  const forged = (at: number): string => `${(at + 1).toString(36)}-${randomBytes(16).toString("hex")}`;
  const sent: string[] = [];
  for (let at = 0; at < atOnce; at += 1) {
    const kind = at % 2 === 0 ? "mailbox.done" : "mailbox.extend";
    const content = { message: "", kind, data: { ids: Array.from({ length: 1_000 }, (_, place) => forged(place)) } };
    sent.push((await taker.send("$broker", "request", kind, { content })).message_id);
  }
  for (const id of sent) {
    const { message } = await taker.hears(({ message: { in_reply_to: about } }) => about === id);
    expect(statesOf(message)).toEqual(["unknown"]);
  }
}

async function absurd(taker: PlainAgent): Promise<void> {
  await pause(1_100); // an agent is told of ten refusals a second; the rest is summed up
  for (const data of [
    { max: -1 },
    { max: 1e300 },
    { max: 0.5 },
    { max: "many" },
    { wait_ms: 1e12 },
    { lease_ms: 0 },
    { lease_ms: -5 },
    { max_bytes: -1 },
    { max_tokens: 0 },
  ])
    expect(faultOf(await taker.asks("mailbox.take", data)), JSON.stringify(data)).toBe("malformed");
  const most = { max: 1_000, max_bytes: Number.MAX_SAFE_INTEGER, max_tokens: Number.MAX_SAFE_INTEGER };
  expect(faultOf(await taker.asks("mailbox.take", most))).toBeUndefined();
}
