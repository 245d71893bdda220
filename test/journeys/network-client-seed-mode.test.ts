import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../kit/broker.js";
import { PartyWorld } from "../kit/network-party.js";
import { SeedClient } from "../kit/seed-client.js";

describe("a client that was written from the document alone", () => {
  let world: PartyWorld;
  beforeEach(async () => {
    world = await PartyWorld.start();
  });
  afterEach(() => world.stop());

  const seed = async (agentId: string, showsSigningKey = true): Promise<SeedClient> => {
    const client = await SeedClient.login(world.url, agentId, await world.world.token(agentId), showsSigningKey);
    world.world.keep({
      close: () => {
        client.wire.close();
      },
    });
    return client;
  };

  it.each([true, false])("speaks with ours, its signing key shown: %s", async (showsSigningKey) => {
    const [alice, bob] = [await world.login("agent_alice"), await seed("agent_bob", showsSigningKey)];
    alice.socket.handle("QUERY", (_, message) => alice.socket.respond(message, { data: { zone: "Europe/Oslo" } }));
    const states: string[] = [];
    alice.socket.onDelivery = ({ state }) => states.push(state);

    bob.sendHandshake("agent_alice", true);
    await bob.handlesHandshake();
    bob.sendEncrypted("agent_alice", "QUERY", { requestId: "r1", queryType: "CUSTOM", parameters: { text: "zone?" } });
    expect(await bob.hearsEncrypted()).toEqual({
      originalType: "RESPONSE",
      data: { requestId: "r1", data: { zone: "Europe/Oslo" }, error: null },
    });
    expect(alice.heard.all).toMatchObject([{ messageType: "QUERY", sealed: true, verified: showsSigningKey }]);
    // There is no receipt in the document: a message is delivered when the broker acknowledges it.
    await eventually(() => states.includes("delivered"), "it is delivered by the ACK");
    await alice.socket.inform("agent_bob", "and one more");
    expect(await bob.hearsEncrypted()).toEqual({ originalType: "INFORM", data: { text: "and one more" } });
    expect([alice.errors, alice.events.all]).toEqual([[], []]);
  });

  it("is offered a handshake by ours, which it understands and answers", async () => {
    const [alice, bob] = [await world.login("agent_alice"), await seed("agent_bob")];
    const said = alice.socket.query("agent_bob", "CUSTOM", { text: "there?" });
    await bob.handlesHandshake();
    const { data } = await bob.hearsEncrypted();
    const { requestId } = data as { requestId: string };
    bob.sendEncrypted("agent_alice", "RESPONSE", { requestId, data: { text: "yes" }, error: null });
    expect(await said).toEqual({ text: "yes" });
    expect((await alice.socket.peers()).map(({ peer, mode }) => [peer, mode])).toEqual([["agent_bob", "seed"]]);
  });

  it("hears each message once, though it says it again", async () => {
    const [alice, bob] = [await world.login("agent_alice"), await seed("agent_bob")];
    bob.sendHandshake("agent_alice", true);
    await bob.handlesHandshake();
    for (const text of ["once", "twice", "thrice"]) bob.sendEncrypted("agent_alice", "INFORM", { text }, "the same");
    bob.sendEncrypted("agent_alice", "INFORM", { text: "another" }, "another");
    bob.sendEncrypted("agent_alice", "INFORM", { text: "end" });
    await alice.hears("end");
    expect(alice.texts).toEqual(["once", "another", "end"]);
  });

  it("whose keys have changed is an alarm, and is heard again when the application has accepted them", async () => {
    const [alice, bob] = [await world.login("agent_alice"), await seed("agent_bob")];
    bob.sendHandshake("agent_alice", true);
    await bob.handlesHandshake();
    bob.wire.close();
    const other = await seed("agent_bob");
    other.sendHandshake("agent_alice", true);
    const { kind, fingerprints } = await alice.events.next();
    expect(kind).toBe("key-changed");
    expect(fingerprints?.pinned).toBe(await alice.socket.fingerprintOf("agent_bob"));
    await alice.socket.acceptKey("agent_bob", fingerprints?.shown ?? "");
    other.sendHandshake("agent_alice", true);
    await other.handlesHandshake();
    other.sendEncrypted("agent_alice", "INFORM", { text: "it is me" });
    await alice.hears("it is me");
  });

  it("is not heard by who refuses that, and is told apart from a silent one", async () => {
    const alice = await world.login("agent_alice", { seedMode: "refuse" });
    const bob = await seed("agent_bob");
    bob.sendHandshake("agent_alice", true);
    expect(await alice.events.next()).toMatchObject({ kind: "downgrade", peer: "agent_bob" });
    expect(await alice.socket.peers()).toEqual([]);
  });
});
