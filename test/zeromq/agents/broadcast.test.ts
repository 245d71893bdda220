import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ZeromqWorld, proved } from "../../kit/zeromq-world.js";

describe("what is for all", () => {
  let world: ZeromqWorld;
  beforeEach(() => {
    world = new ZeromqWorld();
  });
  afterEach(async () => {
    expect(world.isExact).toBe(true);
    await world.close();
  });

  it("reaches each ZeroMQ agent once: on `all` if it subscribed to that, else on its own topic, with to: all", () => {
    const tuned = world.subscriber(["tuned", "all"]);
    const quiet = world.subscriber(["quiet"]);
    const owner = world.subscriber([], { principal: proved("owner") });
    world.session("bot").say("all", "inform", "GM");
    expect(tuned.heard).toMatchObject([{ topic: "all", to: "all", text: "GM" }]);
    expect(quiet.heard).toMatchObject([{ topic: "quiet", to: "all", text: "GM" }]);
    expect(owner.heard).toMatchObject([{ topic: "owner", to: "all", text: "GM" }]);
  });

  it("is one copy per connection, under the first of its names, and not a second one for a tap", () => {
    const carrier = world.subscriber(["ada", "bob"]);
    const tap = world.subscriber(["tap", ""]);
    world.send(world.publisher(), "eve", "all", "inform", "GM");
    expect(carrier.heard).toMatchObject([{ topic: "ada", text: "GM" }]);
    expect(tap.heard).toMatchObject([{ topic: "all", observed: true }]);
  });

  it("does not come back to the speaker on its own topic, and does where it subscribed to all, as in libzmq", () => {
    const quiet = world.subscriber(["quiet"]);
    const tuned = world.subscriber(["tuned", "all"]);
    world.send(world.publisher(), "quiet", "all", "inform", "1");
    world.send(world.publisher(), "tuned", "all", "inform", "2");
    expect(quiet.texts).toEqual(["2"]);
    expect(tuned.texts).toEqual(["1", "2"]);
  });

  it("reaches an agent whose name has not been worked out yet, and no connection without a name", () => {
    const early = world.subscriber([]);
    world.subscribe(early, "early");
    const nameless = world.subscriber(["#general"]);
    world.send(world.publisher(), "ada", "all", "inform", "GM");
    expect(early.texts).toEqual(["GM"]);
    expect(nameless.heard).toEqual([]);
  });
});
