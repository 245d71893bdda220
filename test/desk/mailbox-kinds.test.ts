import { beforeEach, describe, expect, it } from "vitest";
import { pan } from "../../bridges/pan/index.js";
import type { Conversation, Heard } from "../../src/conformance/conversation.js";
import { ConformanceWorld } from "../../src/conformance/world.js";
import { defaultLimits } from "../../src/core/index.js";

interface Taken {
  readonly message_id: string;
  readonly $broker: { readonly delivery_id: string; readonly attempt: number };
}

/** What is written in this turn of the loop is done in a few more. */
const turns = async (): Promise<void> => {
  for (let at = 0; at < 8; at += 1) await new Promise((resolve) => setImmediate(resolve));
};

describe("what an owner and a sender ask of mailboxes, through a session (protocols §9)", () => {
  let world: ConformanceWorld;
  let bob: Conversation;
  let ada: Conversation;
  let questions = 0;

  const open = async (limits: Record<string, number> = {}): Promise<void> => {
    world = new ConformanceWorld([pan], { limits: { panRatePerSecond: 0, brokerRatePerSecond: 0, ...limits } });
    [bob, ada] = [await enter("bob"), await enter("ada")];
  };
  const enter = async (agentId: string): Promise<Conversation> => {
    const client = world.connect("/pan");
    await client.says({ type: "auth", agentId, token: `own ${agentId}` });
    await client.hears({ status: "success" });
    return client;
  };
  const ask = async (client: Conversation, kind: string, data: Record<string, unknown> = {}): Promise<Heard> => {
    const id = `q${String((questions += 1))}`;
    await client.says({ type: "ask", kind, data, messageId: id });
    await turns();
    const answer = client.all().find((frame) => frame["replyTo"] === id || frame["messageId"] === id);
    return answer ?? expect.fail(`no answer to ${kind}`);
  };
  const take = async (more: Record<string, unknown> = {}): Promise<readonly Taken[]> =>
    ((await ask(bob, "mailbox.take", { max: 1_000, ...more }))["data"] as { messages: readonly Taken[] }).messages;
  const says = async (messageId: string, text = messageId, more: Record<string, unknown> = {}): Promise<void> => {
    await ada.says({ type: "chat", to: "bob", text, messageId, intent: "inform", ...more });
    await turns();
  };
  const status = async (): Promise<unknown> => (await ask(bob, "mailbox.status"))["data"];
  const peek = async (more: Record<string, unknown> = {}): Promise<Heard> =>
    (await ask(bob, "mailbox.peek", more))["data"] as Heard;

  beforeEach(() => open());

  it("a box has 7 days, 1,000 messages and 16 MiB if nothing is said, and all boxes together 1 GiB, claimed 256 MiB", async () => {
    const { data } = await ask(bob, "mailbox.open");
    expect(data).toMatchObject({ mode: "push", keep_s: 7 * 86_400, max: 1_000, max_bytes: 16 * 1024 * 1024 });
    expect(defaultLimits).toMatchObject({
      mailTotalMaxBytes: 1024 ** 3,
      mailClaimedMaxBytes: 256 * 1024 ** 2,
      mailboxesPerConnectionMax: 100,
      mailboxesMax: 50_000,
      mailWindowMin: 8,
      mailWindowMax: 256,
      mailWindowBytes: 64 * 1024,
    });
  });

  it("a lease has 120 s if nothing is said; then, its owner being here, the message rests for a minute", async () => {
    await ask(bob, "mailbox.open", { mode: "take" });
    await says("m1");
    const [first] = await take();
    expect(first?.$broker.attempt).toBe(1);
    world.clock.advance(119_000);
    expect(await status()).toMatchObject({ leased: 1 });
    world.clock.advance(2_000);
    expect(await status()).toMatchObject({ leased: 0, waiting: 1 });
    expect(await take()).toEqual([]);
    world.clock.advance(61_000);
    const [second] = await take();
    expect(second?.$broker).toMatchObject({ attempt: 2, delivery_id: first?.$broker.delivery_id });
  });

  it("nothing is taken out of a box in push mode, and the answer says how to change that", async () => {
    await ask(bob, "mailbox.open");
    const { message, data } = await ask(bob, "mailbox.take");
    expect(data).toEqual({ messages: [] });
    expect(message).toMatch(
      /^0 messages: the mailbox of bob is in push mode, .* mailbox\.open with mode take \(broker /,
    );
    await ask(bob, "mailbox.open", { mode: "take" });
    expect(await ask(bob, "mailbox.take")).toMatchObject({ message: "0 messages" });
  });

  it("one answer has as much as a frame of a WebSocket holds, but one message in any case", async () => {
    await ask(bob, "mailbox.open", { mode: "take" });
    for (const id of ["1", "2", "3", "4"]) await says(id, "x".repeat(20_000));
    await says("5", "x".repeat(60_000));
    expect((await take()).map(({ message_id: id }) => id)).toEqual(["1", "2"]);
    expect((await take()).map(({ message_id: id }) => id)).toEqual(["3", "4"]);
    expect((await take()).map(({ message_id: id }) => id)).toEqual(["5"]);
  });

  it("a batch of ids is charged by its length", async () => {
    await open({ brokerRatePerSecond: 0.001, brokerRateBurst: 12 });
    await ask(bob, "mailbox.open", { mode: "take" });
    const ids = Array.from({ length: 1_000 }, () => "x");
    expect(await ask(bob, "mailbox.done", { ids })).toMatchObject({ type: "answer" }); // 11 tokens
    expect(await ask(bob, "mailbox.done", { ids: ["x"] })).toMatchObject({ type: "error", code: "RATE_LIMIT" });
  });

  it("looking changes nothing, goes on from a cursor, and says gap for one of another epoch", async () => {
    await ask(bob, "mailbox.open", { mode: "take" });
    for (const id of ["1", "2", "3"]) await says(id);
    const before = await status();
    const page = await peek({ max: 2 });
    expect(page["messages"]).toMatchObject([
      { state: "waiting", attempts: 0, message: { message_id: "1", content: { message: "1" } } },
      { message: { message_id: "2" } },
    ]);
    expect(page["gap"]).toBeUndefined();
    const next = await peek({ after: page["next"] });
    expect(next["messages"]).toMatchObject([{ message: { message_id: "3" } }]);
    const gap = await peek({ after: { epoch: "of another life", seq: 2 } });
    expect(gap["gap"]).toBe(true);
    expect(gap["messages"]).toMatchObject(["1", "2", "3"].map((id) => ({ message: { message_id: id } })));
    expect(await status()).toEqual(before);
  });

  it("a message that was given back five times after a pause is dead: its sender hears why, and it goes after keep_s", async () => {
    await ask(bob, "mailbox.open", { mode: "take", keep_s: 86_400 });
    await says("m1", "work", { receipt: true });
    for (const minutes of [1, 5, 30, 30, 0]) {
      const [{ $broker } = expect.fail("nothing to take")] = await take();
      await ask(bob, "mailbox.release", { ids: [$broker.delivery_id], delay_ms: 1_000 });
      world.clock.advance(minutes * 60_000 + 1_000);
    }
    await turns();
    world.clock.advance(1_000);
    await turns();
    expect(ada.all().filter((frame) => frame["status"] === "delivery")).toMatchObject([
      { state: "stored", messageIds: ["m1"] },
      { state: "dead", messageIds: ["m1"], reason: "attempts" },
    ]);
    expect((await peek({ dead: true }))["messages"]).toMatchObject([
      { state: "dead", reason: "attempts", attempts: 5 },
    ]);
    for (let hour = 0; hour < 26; hour += 1) {
      world.clock.advance(3_600_000);
      await turns();
    }
    expect((await peek({ dead: true }))["messages"]).toEqual([]);
    expect(await status()).toMatchObject({ stored: 1, dead: 1, waiting: 0 });
  });

  it("a sender asks where its own message stands; of others' it learns no more than that none is its own", async () => {
    await ask(bob, "mailbox.open", { mode: "take" });
    await says("secret");
    const own = await ask(ada, "mailbox.state", { message_id: "secret" });
    expect(own["data"]).toMatchObject({ deliveries: [{ to: "bob", state: "waiting", here: true }] });
    const eve = await enter("eve");
    const ofOthers = await ask(eve, "mailbox.state", { message_id: "secret" });
    const ofNobody = await ask(eve, "mailbox.state", { message_id: "never said" });
    const { replyTo: one, ...first } = ofOthers;
    const { replyTo: other, ...second } = ofNobody;
    expect([first, one === other]).toEqual([second, false]);
    expect(first["data"]).toEqual({ deliveries: [] });
  });
});
