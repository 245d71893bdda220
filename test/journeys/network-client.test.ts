import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PartyWorld } from "../kit/network-party.js";

describe("two clients of Agent Network", () => {
  let world: PartyWorld;
  beforeEach(async () => {
    world = await PartyWorld.start();
  });
  afterEach(() => world.stop());

  it("ask and answer each other, sealed", async () => {
    const [alice, bob] = [await world.login("agent_alice"), await world.login("agent_bob")];
    bob.socket.handle("QUERY", ({ parameters }, message) =>
      bob.socket.respond(message, { data: { availableTimes: [parameters["startDate"]] } }),
    );
    const asked = { startDate: "2030-06-01T00:00:00Z", endDate: "2030-06-07T00:00:00Z" };
    expect(await alice.socket.query("agent_bob", "AVAILABILITY", asked)).toEqual({
      availableTimes: ["2030-06-01T00:00:00Z"],
    });
    expect(bob.heard.all).toMatchObject([{ messageType: "QUERY", sealed: true, verified: true }]);
    expect(alice.socket.messageLog().map(({ messageType }) => messageType)).toContain("ENCRYPTED");
    expect([alice.errors, bob.errors, alice.events.all, bob.events.all]).toEqual([[], [], [], []]);
  });
});
