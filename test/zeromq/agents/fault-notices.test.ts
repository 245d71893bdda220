import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ZeromqWorld } from "../../kit/zeromq-world.js";

describe("faults", () => {
  let world: ZeromqWorld;
  beforeEach(() => {
    world = new ZeromqWorld();
  });
  afterEach(async () => {
    await world.close();
  });

  it("are told ten times a second and then summed up once a second", () => {
    const ada = world.subscriber(["ada"]);
    const publisher = world.publisher();
    for (let n = 0; n < 50; n += 1) world.send(publisher, "ada", "ghost", "request", String(n));
    expect(ada.faults).toHaveLength(10);
    world.clock.advance(1_000);
    expect(ada.faults).toHaveLength(11);
    expect(ada.heard.at(-1)).toMatchObject({ data: { code: "rate-limited", count: 40 } });
    world.clock.advance(5_000);
    expect(ada.faults).toHaveLength(11);
    world.send(publisher, "ada", "ghost", "request", "again");
    expect(ada.faults.at(-1)).toBe("not-found");
  });

  it("say what to do, about which message, as an inform of the broker", () => {
    const ada = world.subscriber(["ada"]);
    const id = world.send(world.publisher(), "ada", "ghost", "request", "?");
    expect(ada.heard).toMatchObject([
      {
        topic: "ada",
        from: "$broker",
        to: "ada",
        type: "inform",
        inReplyTo: id,
        data: { code: "not-found", to: "ghost", message: ada.texts[0] },
      },
    ]);
  });

  it("are not for agents that only publish: these are counted", () => {
    world.send(world.publisher(), "ada", "ghost", "request", "?");
    expect(world.ledger.reasons["fault-untold"]).toBe(1);
  });

  it("never reach a name from a connection on another machine, whatever it claims", () => {
    const victim = world.subscriber(["victim"], { remote: "10.0.0.1" });
    world.send(world.publisher({ remote: "10.0.0.2" }), "victim", "ghost", "request", "?");
    world.send(world.publisher(), "victim", "ghost", "request", "?");
    expect(victim.heard).toEqual([]);
    world.send(world.publisher({ remote: "10.0.0.1" }), "victim", "ghost", "request", "?");
    expect(victim.faults).toEqual(["not-found"]);
  });

  it("never reach a session of another dialect because a ZeroMQ publisher claims its name", () => {
    const bot = world.session("bot");
    world.send(world.publisher(), "bot", "ghost", "request", "?");
    expect(bot.heard).toEqual([]);
  });

  it("are bounded per publishing connection, however many names it claims", () => {
    const victims = Array.from({ length: 30 }, (_, n) => world.subscriber([`victim ${String(n)}`]));
    const publisher = world.publisher();
    for (let n = 0; n < 30; n += 1) world.send(publisher, `victim ${String(n)}`, "ghost", "request", "?");
    expect(victims.flatMap(({ faults }) => faults)).toHaveLength(10);
  });

  it("follow no more recipients than the limit", () => {
    world = new ZeromqWorld({ faultRecipientsMax: 1 });
    const ada = world.subscriber(["ada"]);
    const bob = world.subscriber(["bob"]);
    world.send(world.publisher(), "ada", "ghost", "request", "?");
    world.send(world.publisher(), "bob", "ghost", "request", "?");
    expect([ada.faults.length, bob.faults.length]).toEqual([1, 0]);
    world.clock.advance(1_000);
    world.send(world.publisher(), "bob", "ghost", "request", "?");
    expect(bob.faults).toEqual(["not-found"]);
  });
});
