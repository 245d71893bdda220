import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { networkMessage, type NetworkWire } from "../../kit/network-wire.js";
import { NetworkWorld } from "../../kit/network-world.js";

const malformed = JSON.parse(
  readFileSync(new URL("../../../bridges/agent-network/vectors/malformed.json", import.meta.url), "utf8"),
) as readonly { readonly about: string; readonly frame: string; readonly names: string }[];

describe("bad input to Agent Network is told as INVALID_MESSAGE_FORMAT, and the connection lives:", () => {
  let at: NetworkWorld;
  let alice: NetworkWire;
  let bob: NetworkWire;
  beforeAll(async () => {
    at = await NetworkWorld.start({ limits: { abuseRefusalsMax: 0 } });
    [alice, bob] = [await at.login("agent_alice"), await at.login("agent_bob")];
  });
  afterAll(() => at.stop());

  const refused = async (names: string): Promise<void> => {
    const told = await alice.hears("ERROR");
    expect(told).toMatchObject({ senderId: "system", recipientId: "agent_alice" });
    expect(told.content).toMatchObject({ errorCode: "INVALID_MESSAGE_FORMAT", recoverable: false });
    expect(told.content["message"]).toContain(names);
    await bob.settled("agent_bob");
    expect(bob.heard).toEqual([]);
  };

  it.each(malformed)("$about", async ({ frame, names }) => {
    alice.raw(frame);
    await refused(names);
  });

  it.each(["messageId", "conversationId", "senderId", "recipientId", "messageType"])(
    "%s of 1 MB, as far as a frame may be so long",
    async (field) => {
      alice.say(networkMessage("agent_alice", "agent_bob", { [field]: "x".repeat(60_000) }));
      await refused(field);
    },
  );

  it("a frame that is longer than any may be, with its id where that can be read", async () => {
    const text = "x".repeat(70_000);
    alice.say(networkMessage("agent_alice", "agent_bob", { messageId: "long", content: { text } }));
    expect(await alice.hearsError()).toMatchObject({
      errorCode: "INVALID_MESSAGE_FORMAT",
      details: { originalMessageId: "long" },
    });
  });

  it("binary frames", async () => {
    alice.socket.send(Buffer.from(JSON.stringify(networkMessage("agent_alice", "agent_bob"))));
    await refused("binary");
  });

  it("and a handshake of somebody else's agentId passes as it is: the receiver has to look", async () => {
    const content = { agentId: "agent_eve", publicKey: "x" };
    const frame = networkMessage("agent_alice", "agent_bob", { messageType: "HANDSHAKE", content });
    alice.say(frame);
    expect(await bob.hearsText("HANDSHAKE")).toBe(JSON.stringify(frame));
  });
});
