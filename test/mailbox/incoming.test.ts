import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { principal, type Envelope } from "../../src/core/index.js";
import { MailWorld, turns } from "../kit/mail-world.js";

const stored = { receivers: 0, stored: true };
const passed = { receivers: 1, stored: false };

describe("what goes into a mailbox, and what passes it (protocols §9)", () => {
  let world: MailWorld;
  beforeEach(async () => {
    world = await MailWorld.withBox();
  });
  afterEach(() => world.end());

  it("takes direct messages of every type while the owner is away, and the sums are exact", () => {
    for (const type of ["request", "inform", "response"] as const) expect(world.say({ type })).toEqual(stored);
    expect(world.ledger.messages).toMatchObject({ accepted: 3, stored: 3, routed: 0 });
    expect(world.counts).toMatchObject({ stored: 3, waiting: 3 });
  });

  it("takes requests and informs while the owner is here, too, and lets responses to it pass", () => {
    const bob = world.owner();
    expect(world.say({ type: "request" })).toEqual(stored);
    expect(world.say()).toEqual(stored);
    expect(world.say({ type: "response", in_reply_to: "x" })).toEqual(passed);
    expect(bob.passed.map(({ envelope }) => envelope?.type)).toEqual(["response"]);
    bob.end();
    expect(world.say({ type: "response", in_reply_to: "y" })).toEqual(stored);
  });

  it("never takes what is ephemeral, a partial answer, or told again out of a room's past", () => {
    for (const more of [
      { ephemeral: true },
      { content: { message: "", kind: "partial" } },
      { replay: true },
    ] satisfies readonly Partial<Envelope>[]) {
      expect(world.say(more)).toMatchObject({ code: "not-found" });
      const bob = world.owner();
      expect(world.say(more)).toEqual(passed);
      bob.end();
    }
    expect(world.counts.stored).toBe(0);
  });

  it("takes invitations, whether the owner is here or not", () => {
    const invitation = { message: "come", kind: "room.invited" };
    expect(world.announce(invitation).stored).toBe(true);
    world.owner();
    expect(world.announce(invitation).stored).toBe(true);
  });

  it("lets the broker's answers pass", () => {
    expect(world.announce({ message: "pong" }, { type: "response", in_reply_to: "x" }).stored).toBe(false);
    world.owner();
    expect(world.announce({ message: "pong" }, { type: "response", in_reply_to: "x" })).toEqual(passed);
  });

  it("keeps faults for nobody but a full box's, of who asked for a receipt and is away", () => {
    const fault = (data: Record<string, unknown>) =>
      world.announce({ message: "no", kind: "fault", data }, { in_reply_to: "x" }).stored;
    expect([fault({ code: "forbidden" }), fault({ code: "full" })]).toEqual([false, false]);
    expect(fault({ code: "full", receipt: true })).toBe(true);
    world.owner();
    expect(fault({ code: "full", receipt: true })).toBe(false);
  });

  it("keeps receipts for who is away", () => {
    expect(world.announce({ message: "", kind: "receipt" }).stored).toBe(true);
    world.owner();
    expect(world.announce({ message: "", kind: "receipt" }).stored).toBe(false);
  });

  it("does not take what has expired", () => {
    const past = new Date(world.clock.now() - 1).toISOString();
    expect(world.say({ expires_at: past })).toMatchObject({ code: "timeout" });
    expect(world.counts.stored).toBe(0);
  });

  it("hands over the same id, time and trust, marked by when it was stored if nobody was there", async () => {
    const said = new Date(world.clock.now() - 5_000).toISOString();
    const ada = principal("ada", "proved", { proof: "token:ada" });
    world.say({ message_id: "one", timestamp: said, trust: "proved", speaker: ada });
    await turns();
    const at = new Date(world.clock.now()).toISOString();
    world.clock.advance(60_000);
    const bob = world.owner();
    await turns();
    expect(bob.given[0]?.envelope).toMatchObject({
      message_id: "one",
      timestamp: said,
      trust: "proved",
      $broker: { stored_at: at },
      content: { message: "hello" },
    });
    await bob.provesAll();
    world.say({ message_id: "two" });
    await turns();
    expect(bob.given[1]?.envelope).toMatchObject({ message_id: "two", trust: "claimed" });
    expect(bob.given[1]?.envelope.$broker).toBeUndefined();
  });

  it("takes nothing for a name without a box", () => {
    expect(world.say({ to: "carol" })).toMatchObject({ code: "not-found" });
  });
});

describe("a message that is said again (protocols §9, repeats)", () => {
  let world: MailWorld;
  beforeEach(async () => {
    world = await MailWorld.withBox();
  });
  afterEach(() => world.end());
  const same = { message_id: "same" };
  const refusedTwice = { receivers: 0, stored: true, repeated: true };

  it("is stored once for 24 hours, whatever has become of it, and another body is another message", async () => {
    expect(world.say(same)).toEqual(stored);
    expect(world.say(same)).toEqual(refusedTwice);
    expect(world.say({ ...same, content: { message: "other" } })).toEqual(stored);
    expect(world.say({ ...same, type: "request" })).toEqual(stored);
    const bob = world.owner();
    await bob.provesAll();
    bob.end();
    expect(world.counts.done).toBe(3);
    world.clock.advance(86_400_000 - 3_000);
    expect(world.say(same)).toEqual(refusedTwice);
    world.clock.advance(5_000);
    expect(world.say(same)).toEqual(stored);
    expect(world.ledger.messages).toMatchObject({ stored: 4, refused: 2 });
  });

  it("is somebody else's if its sender is: another name, another proof, or one that proves nothing", () => {
    const by = (proof: string) => ({ trust: "proved" as const, speaker: principal("ada", "proved", { proof }) });
    expect(world.say({ ...same, ...by("token:ada") })).toEqual(stored);
    expect(world.say({ ...same, ...by("token:ada"), from: "renamed" })).toEqual(refusedTwice);
    expect(world.say({ ...same, ...by("key:ada") })).toEqual(stored);
    expect(world.say(same)).toEqual(stored);
    expect(world.say({ ...same, from: "eve" })).toEqual(stored);
    expect(world.say({ ...same, trust: "proved" })).toEqual(stored); // an agent of the broker's own process
  });

  it("is known after a restart", async () => {
    world.say(same);
    await turns();
    world = await world.killed();
    expect(world.say(same)).toEqual(refusedTwice);
  });

  it("is a new attempt once the first has expired, is dead, or was refused as full", async () => {
    world.say({ ...same, expires_at: new Date(world.clock.now() + 10_000).toISOString() });
    await turns();
    world.clock.advance(12_000);
    await turns();
    expect(world.counts).toMatchObject({ expired: 1, waiting: 0 });
    expect(world.say(same)).toEqual(stored);
    const bob = world.owner();
    bob.unrenderable.add("same");
    await turns();
    expect(world.counts).toMatchObject({ dead: 1, waiting: 0 });
    expect(world.say(same)).toEqual(stored);
    bob.end();
    for (let at = 0; at < 249; at += 1) world.say();
    const late = { message_id: "late" };
    expect(world.say(late)).toMatchObject({ code: "full" });
    bob.unrenderable.clear();
    const again = world.owner();
    await again.provesAll();
    expect(world.say(late)).toEqual(stored);
  });

  it("tells who asks for a receipt where the first one stands, and not before that is on the disk", async () => {
    const ada = world.owner(undefined, "ada");
    world.store.mood = "slow";
    world.say(same);
    await turns();
    world.say({ ...same, receipt: ["stored", "settled"] });
    await world.store.commit();
    world.clock.advance(60);
    expect(MailWorld.receipts(ada)).toEqual([]);
    await world.store.keep();
    world.clock.advance(60);
    expect(MailWorld.receipts(ada)).toMatchObject([{ ids: ["same"], state: "stored" }]);
    world.store.mood = "well";
    const bob = world.owner();
    await bob.provesAll();
    world.say({ ...same, receipt: ["settled"] });
    await turns();
    world.clock.advance(60);
    expect(MailWorld.receipts(ada)[1]).toMatchObject({ ids: ["same"], state: "done" });
  });
});
