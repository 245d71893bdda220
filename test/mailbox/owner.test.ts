import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { principal, type Principal } from "../../src/core/index.js";
import { MailWorld, turns } from "../kit/mail-world.js";

const by = (trust: Principal["trust"], proof?: string): Principal =>
  principal("bob", trust, proof === undefined ? {} : { proof });

describe("whose a mailbox is (protocols §9)", () => {
  let world: MailWorld;
  beforeEach(async () => {
    world = await MailWorld.start();
  });
  afterEach(() => world.end());

  /** True if a connection of this principal is given what waits. */
  async function hears(who: Principal | undefined): Promise<boolean> {
    const one = world.owner(who);
    await turns();
    one.end();
    return one.ids.includes("m0");
  }

  it("is for who proves as much, by the same; others hear nothing of it and are told", async () => {
    await world.open("bob", {}, "proved");
    world.say({ message_id: "m0" });
    await turns();
    expect(await hears(undefined)).toBe(false);
    expect(await hears(by("claimed"))).toBe(false);
    expect(await hears(by("shared"))).toBe(false);
    expect(await hears(by("proved", "key:other"))).toBe(false);
    const weak = world.owner(by("shared"));
    await turns();
    expect(weak.given[0]?.envelope).toMatchObject({
      from: "$broker",
      content: { kind: "fault", data: { code: "forbidden" } },
    });
    expect(world.mailboxes.status("bob").isHere).toBe(false);
    weak.end();
    expect(await hears(by("proved", "token:bob"))).toBe(true);
  });

  it("is, of a claimed name, for ZeroMQ connections and for whoever proves it, and for no other session", async () => {
    await world.open();
    world.say({ message_id: "m0" });
    await turns();
    expect(await hears(by("claimed"))).toBe(false);
    expect(await hears(by("shared"))).toBe(false);
    expect(await hears(undefined)).toBe(true);
    expect(await hears(by("proved", "token:bob"))).toBe(true);
  });

  it.each([["claimed"], ["shared"]] as const)(
    "is settled by no answer of a %s session, which hears nothing of it",
    async (trust) => {
      await world.open();
      world.say({ message_id: "m0", type: "request" });
      await turns();
      const answer = { from: "bob", to: "ada", type: "response", in_reply_to: "m0" } as const;
      world.say({ ...answer, trust, speaker: by(trust) });
      expect(world.counts).toMatchObject({ waiting: 1, answered: 0 });
      expect(await hears(undefined)).toBe(true);
      world.say({ ...answer, trust: "proved", speaker: by("proved", "token:bob") });
      expect(world.counts).toMatchObject({ waiting: 0, answered: 1 });
    },
  );

  it("is nobody's who only claims its name, once others than those on this machine can; a proof opens it", async () => {
    await world.open();
    world.say({ message_id: "m0", type: "request" });
    await turns();
    await world.mailboxes.stop();
    world = await MailWorld.start(world.disk, {}, world.clock.now(), false);
    expect(await hears(undefined)).toBe(false);
    expect(() => world.mailboxes.own("bob", { trust: undefined, proof: undefined })).toThrow(/prove the name/);
    await expect(world.mailboxes.open({ name: "bob", trust: "claimed" }, {})).rejects.toThrow(/prove the name/);
    world.say({ from: "bob", to: "ada", type: "response", in_reply_to: "m0" });
    expect(world.counts).toMatchObject({ waiting: 1, answered: 0 });
    expect(await hears(by("proved", "token:bob"))).toBe(true);
  });

  it("is touched by its owner and the operator, and becomes a proved one's once that opens it", async () => {
    await world.open();
    expect(world.mailboxes.own("bob", { trust: undefined, proof: undefined })).toBeDefined();
    expect(() => world.mailboxes.own("bob", { trust: "shared", proof: undefined })).toThrow(/belongs to somebody/);
    await world.mailboxes.open({ name: "bob", trust: "proved", proof: "token:bob" }, {});
    expect(world.mailboxes.status("bob").trust).toBe("proved");
    expect(() => world.mailboxes.own("bob", { trust: undefined, proof: undefined })).toThrow(/belongs to somebody/);
    await expect(world.mailboxes.open({ name: "bob", trust: "claimed" }, {})).rejects.toMatchObject({
      code: "forbidden",
    });
    await world.mailboxes.open(world.mailboxes.openerFor("bob"), { mode: "take" });
    expect(world.mailboxes.own("bob", undefined).box.settings.mode).toBe("take");
  });

  it("is not opened, and takes nothing, while the disk fails; what had happened is written when it is well", async () => {
    await world.open();
    world.say({ message_id: "m0", type: "request" });
    const bob = world.owner();
    await turns();
    world.store.mood = "failing";
    world.say({ message_id: "m1", type: "request" });
    await turns();
    expect(world.told).toMatchObject([{ agent: "ada", notice: { code: "unavailable", inReplyTo: "m1" } }]);
    bob.proves();
    await turns();
    expect(world.say({ message_id: "m2" })).toMatchObject({ code: "unavailable", retryAfterMs: 1_000 });
    await expect(world.open("carol")).rejects.toMatchObject({ code: "unavailable" });
    expect(world.counts).toMatchObject({ stored: 1, done: 1 });
    world.store.mood = "well";
    world.clock.advance(1_001);
    await turns();
    expect(world.say({ message_id: "m2" })).toMatchObject({ receivers: 0, stored: true });
    await turns();
    world = await world.killed();
    expect(world.counts).toMatchObject({ stored: 2, done: 1, waiting: 1 });
  });

  it("gives a lease back that could not be kept", async () => {
    await world.open("bob", { mode: "take" });
    world.say({ message_id: "m0" });
    await turns();
    world.store.mood = "failing";
    await expect(world.take()).rejects.toMatchObject({ code: "unavailable" });
    expect(world.counts).toMatchObject({ waiting: 1, leased: 0 });
    world.store.mood = "well";
    world.clock.advance(1_001);
    await turns();
    expect((await world.take())[0]?.envelope.$broker?.attempt).toBe(1);
  });

  it("serves two that take in the order in which they came", async () => {
    await world.open("bob", { mode: "take" });
    const wanted = { max: 1, maxBytes: 1e6, leaseMs: 60_000, until: new AbortController().signal };
    const { taking } = world.box();
    world.box().load();
    const both = [taking.take(wanted), taking.take(wanted)];
    world.say({ message_id: "m0" });
    await turns();
    world.say({ message_id: "m1" });
    const got = (await Promise.all(both)).map(([envelope]) => envelope?.message_id);
    expect(got).toEqual(["m0", "m1"]);
  });
});
