import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ZeromqWorld } from "../../kit/zeromq-world.js";

/** What has been written in this turn of the loop, and is told of it, is done. */
const turns = async (): Promise<void> => {
  for (let at = 0; at < 6; at += 1) await new Promise((resolve) => setImmediate(resolve));
};

describe("a ZeroMQ name with a mailbox (protocols §9)", () => {
  let world: ZeromqWorld;

  beforeEach(async () => {
    world = new ZeromqWorld();
    await world.mailboxes.open({ name: "bob", trust: "claimed" }, { mode: "take" });
  });

  afterEach(async () => {
    await world.close();
  });

  const counts = (): unknown => {
    const { stored, waiting } = world.mailboxes.status("bob").counts;
    return { stored, waiting };
  };

  it("keeps its grace, in which nothing is held: what is said, an answer too, is stored at once", () => {
    world.gone(world.subscriber(["bob"], { declared: "bob" }));
    expect(world.directory.agent("bob")).toBeDefined();
    const ada = world.publisher();
    for (const type of ["inform", "request", "response"]) world.send(ada, "ada", "bob", type, type);
    expect(counts()).toEqual({ stored: 3, waiting: 3 });
    expect(world.ledger.copies.pending).toBe(0);
    world.clock.advance(2_000);
    expect(world.directory.agent("bob")).toBeUndefined();
    expect(world.isExact).toBe(true);
  });

  it("is not held for at the start of the broker, when nobody is there yet", async () => {
    await world.close();
    world = new ZeromqWorld({ startHoldMs: 5_000 });
    await world.mailboxes.open({ name: "bob", trust: "claimed" }, { mode: "take" });
    world.send(world.publisher(), "ada", "bob", "request", "early");
    expect(counts()).toEqual({ stored: 1, waiting: 1 });
    expect(world.ledger.copies.pending).toBe(0);
  });

  it("hears what is for all, or is ephemeral, past its mailbox, and nobody's mailbox keeps that", async () => {
    const bob = world.subscriber(["bob"]);
    const ada = world.publisher();
    world.send(ada, "ada", "all", "inform", "to everybody");
    await turns();
    expect(bob.texts).toEqual(["to everybody"]);
    world.gone(bob);
    world.clock.advance(20_000);
    world.send(ada, "ada", "all", "inform", "to who is here");
    expect(counts()).toEqual({ stored: 0, waiting: 0 });
  });
});
