import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { settled } from "../../../src/conformance/conversation.js";
import { keyFor, type TestKey } from "../../kit/agentchat-keys.js";
import { AgentChatWorld } from "../../kit/agentchat-world.js";
import { startBroker, type TestBroker } from "../../kit/broker.js";
import { ChatWire, type ChatFrame } from "../../kit/chat-wire.js";

/**
 * Two programs with one key, each on a socket of its own. They send the key as PEM; one that `proves` answers a
 * CHALLENGE, one that only `announces` has never heard of any.
 */
describe("AgentChat: two programs with one key", () => {
  const ada = keyFor("ada");
  let at: TestBroker;
  let wires: { readonly wire: ChatWire; readonly closed: Promise<number> }[];

  const announces = async (key: TestKey): Promise<(typeof wires)[number]> => {
    const wire = await ChatWire.open(at.pan.replace(/pan$/, "agentchat"));
    const closed = new Promise<number>((resolve) => wire.socket.once("close", resolve));
    const program = { wire, closed };
    wires.push(program);
    wire.say({ type: "IDENTIFY", name: "ada", pubkey: key.pem });
    return program;
  };
  const welcome = ({ wire }: (typeof wires)[number], withinMs?: number): Promise<ChatFrame> =>
    wire.hears(({ type }) => type === "WELCOME", withinMs);
  const proves = async (key: TestKey): Promise<(typeof wires)[number]> => {
    const program = await announces(key);
    await program.wire.proves(key);
    await welcome(program);
    return program;
  };
  const isDisplaced = async ({ wire, closed }: (typeof wires)[number]): Promise<void> => {
    expect(await wire.hears(({ type }) => type === "SESSION_DISPLACED")).toHaveProperty("reason");
    await wire.hears(({ type, code }) => type === "ERROR" && code === "SESSION_DISPLACED");
    expect(await closed).toBe(4409);
  };

  beforeEach(async () => {
    wires = [];
    at = await startBroker();
  });
  afterEach(async () => {
    for (const { wire } of wires) wire.close();
    await at.stop();
  });

  it("lets the newer of two that prove nothing take over at once", async () => {
    const daemon = await announces(ada);
    await welcome(daemon);
    const command = await announces(ada);
    expect(await welcome(command, 2_000)).toMatchObject({ agent_id: `@${ada.id}` });
    await isDisplaced(daemon);
    await command.wire.settled();
  });

  it("lets the newer of two that prove it take over at once", async () => {
    const daemon = await proves(ada);
    const command = await proves(ada);
    await isDisplaced(daemon);
    await command.wire.settled();
  });

  it("keeps one whose proof is on its way to the disk from one that proves nothing", async () => {
    for (const name of ["ada", "bob", "eve"]) {
      const key = keyFor(name);
      const thief = await ChatWire.open(at.pan.replace(/pan$/, "agentchat"));
      wires.push({ wire: thief, closed: Promise.resolve(0) });
      const owner = await announces(key);
      const { challenge_id, nonce } = await owner.wire.hears(({ type }) => type === "CHALLENGE");
      const timestamp = Date.now();
      const signature = key.signs(`AGENTCHAT_AUTH|${String(nonce)}|${String(challenge_id)}|${timestamp}`);
      owner.wire.say({ type: "VERIFY_IDENTITY", challenge_id, signature, timestamp });
      thief.say({ type: "IDENTIFY", name: "thief", pubkey: key.pem });
      await owner.wire.hears(({ type }) => type === "VERIFY_SUCCESS");
      await thief.hears(({ type }) => type === "CHALLENGE");
      expect(thief.frames).toEqual([]);
      await owner.wire.settled();
    }
  });

  it("lets one that proves it displace one that does not, and never the reverse: that is told within 3 s", async () => {
    const command = await announces(ada);
    await welcome(command);
    const daemon = await proves(ada);
    await isDisplaced(command);
    const again = await announces(ada);
    expect(await again.wire.hears(({ type }) => type === "ERROR", 4_000)).toMatchObject({ code: "AUTH_REQUIRED" });
    await again.wire.settled();
    expect(again.wire.frames.filter(({ type }) => type === "WELCOME")).toEqual([]);
    await daemon.wire.settled();
  });
});

describe("AgentChat: a session that ends while its proof is on its way to the disk", () => {
  it("has proved its key all the same: who claims the id meanwhile loses it at once", async () => {
    const world = new AgentChatWorld();
    const ada = keyFor("ada");
    let kept: () => void = () => undefined;
    vi.spyOn(world.identity, "remember").mockReturnValue(
      new Promise<void>((resolve) => (kept = resolve)) as unknown as undefined,
    );
    const proved = vi.spyOn(world.identity, "proved");
    const client = world.connect("/agentchat");
    await client.says({ type: "IDENTIFY", name: "ada", pubkey: ada.pem });
    await world.answers(client, ada);
    await client.vanishes();
    expect(proved).not.toHaveBeenCalled();
    kept();
    await settled();
    expect(proved).toHaveBeenCalledWith(ada.id);
  });
});
