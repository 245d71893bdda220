import { afterEach, describe, expect, it } from "vitest";
import { ZeromqWorld } from "../../kit/zeromq-world.js";

describe("the first seconds after the start", () => {
  let world: ZeromqWorld;
  afterEach(async () => {
    await world.close();
  });

  it("hold messages to names that are not there yet, and give them in order", () => {
    world = new ZeromqWorld({ startHoldMs: 3_000 });
    const tap = world.subscriber([""]);
    const ada = world.publisher();
    for (const text of ["1", "2", "3"]) world.send(ada, "ada", "bob", "inform", text);
    expect(world.ledger.copies.pending).toBe(3);
    expect(world.isExact).toBe(true);
    const bob = world.subscriber(["bob"]);
    world.send(ada, "ada", "bob", "inform", "4");
    expect(bob.texts).toEqual(["1", "2", "3", "4"]);
    expect(tap.texts).toEqual(["1", "2", "3", "4"]);
    expect(world.ledger.messages).toMatchObject({ routed: 4, unroutable: 0 });
    expect(world.isExact).toBe(true);
  });

  it("hold what is for a room that its members have not joined again", () => {
    world = new ZeromqWorld({ startHoldMs: 3_000 });
    world.send(world.publisher(), "ada", "#lab", "inform", "hello again");
    expect(world.subscriber(["bob", "#lab"]).texts).toEqual(["hello again"]);
  });

  it("end with a judgement: requests get their fault, informs are counted", () => {
    world = new ZeromqWorld({ startHoldMs: 3_000 });
    const ada = world.subscriber(["ada"]);
    const id = world.send(world.publisher(), "ada", "ghost", "request", "there?");
    world.send(world.publisher(), "ada", "ghost", "inform", "by the way");
    expect(ada.heard).toEqual([]);
    world.clock.advance(3_000);
    expect(ada.heard).toMatchObject([{ kind: "fault", inReplyTo: id, data: { code: "not-found" } }]);
    expect(world.ledger.messages.unroutable).toBe(2);
    expect(world.isExact).toBe(true);
    world.send(world.publisher(), "ada", "ghost", "request", "and now?");
    expect(ada.faults).toEqual(["not-found", "not-found"]);
  });

  it("hold no more than the limits allow: one message more is judged at once", () => {
    world = new ZeromqWorld({ startHoldMs: 3_000, heldPerNameMax: 2 });
    const ada = world.subscriber(["ada"]);
    for (const text of ["1", "2", "3"]) world.send(world.publisher(), "ada", "bob", "request", text);
    expect(ada.faults).toEqual(["not-found"]);
    expect(world.subscriber(["bob"]).texts).toEqual(["1", "2"]);
  });

  it("do not hold what is forged", () => {
    world = new ZeromqWorld({ startHoldMs: 3_000 });
    world.identity.owned.add("boss");
    world.send(world.publisher(), "boss", "bob", "inform", "obey");
    expect(world.subscriber(["bob"]).texts).toEqual([]);
    expect(world.ledger.messages.refused).toBe(1);
  });

  it("end early when the broker drains", async () => {
    world = new ZeromqWorld({ startHoldMs: 3_000 });
    world.send(world.publisher(), "ada", "bob", "inform", "1");
    await world.agents.drain();
    expect(world.ledger.copies.pending).toBe(0);
    expect(world.ledger.messages.unroutable).toBe(1);
    expect(world.isExact).toBe(true);
  });
});
