import { afterEach, describe, expect, it } from "vitest";
import type { BrokerOptions } from "../../../src/index.js";
import { keyFor, type TestKey } from "../../kit/agentchat-keys.js";
import { eventually, startBroker, type TestBroker } from "../../kit/broker.js";
import { ChatWire, type ChatFrame } from "../../kit/chat-wire.js";

const [ada, bob] = [keyFor("ada"), keyFor("bob")];

describe("AgentChat: a key that the operator lets in without proof", () => {
  let at: TestBroker | undefined;
  const wires: ChatWire[] = [];
  const start = async (options: BrokerOptions): Promise<TestBroker> => (at = await startBroker(options));
  const announces = async ({ pan }: TestBroker, key: TestKey): Promise<ChatWire> => {
    const wire = await ChatWire.open(pan.replace(/pan$/, "agentchat"));
    wires.push(wire);
    wire.say({ type: "IDENTIFY", name: "ada", pubkey: key.pem });
    return wire;
  };
  const proves = async (broker: TestBroker, key: TestKey): Promise<ChatWire> => {
    const wire = await announces(broker, key);
    await wire.proves(key);
    await wire.hears(({ type }) => type === "WELCOME");
    return wire;
  };
  const refusal = (wire: ChatWire): Promise<ChatFrame> => wire.hears(({ type }) => type === "ERROR");

  afterEach(async () => {
    for (const wire of wires.splice(0)) wire.close();
    await at?.stop();
    at = undefined;
  });

  it("keeps its proof while its owner is here: who is not let in has taken nothing from it", async () => {
    const here = await start({ agentchat: { unproved: [`@${ada.id}`] } });
    const owner = await proves(here, ada);
    const stranger = await announces(here, ada);
    const { message } = await refusal(stranger);
    expect(message).toContain("end the other program");
    expect(message).not.toContain("--unproved");
    owner.close();
    const claim = (): unknown => {
      try {
        return here.broker.agent(ada.id);
      } catch (thrown) {
        return (thrown as { readonly code: string }).code;
      }
    };
    await eventually(() => claim() !== "conflict", "the owner has left");
    expect(claim()).toBe("unauthenticated");
    const program = await announces(here, ada);
    await program.hears(({ type }) => type === "WELCOME");
  });

  it("is let in although it was forgotten for want of room before", async () => {
    const here = await start({ limits: { provedNamesMax: 1 }, agentchat: { unproved: [ada.id] } });
    (await proves(here, ada)).close();
    (await proves(here, bob)).close();
    const program = await announces(here, ada);
    await program.hears(({ type }) => ["WELCOME", "ERROR"].includes(type));
    expect(program.frames.map(({ type }) => type)).not.toContain("ERROR");
    const other = await announces(here, bob);
    await other.settled();
    expect(other.frames.map(({ type }) => type)).toEqual(["CHALLENGE"]);
  });

  it("is not let in where everybody proves a key, and is told nothing that would not help", async () => {
    const here = await start({ agentchat: { identity: "strict", unproved: [ada.id] } });
    const { message } = await refusal(await announces(here, ada));
    expect(message).toMatch(/answer it with VERIFY_IDENTITY$/);
  });
});
