import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startBroker, type TestBroker } from "../../kit/broker.js";
import { operator, type Asker } from "../../kit/contact-parties.js";
import { PanWire, panToken, type PanFrame } from "../../kit/pan-wire.js";
import { issueToken } from "../../kit/tokens.js";

describe("contacts: listed, on the wire of Agent Network", () => {
  let at: TestBroker;
  let boss: Asker;
  let nadia: PanWire;
  let open: PanWire[];
  let count = 0;

  const enter = async (agentId: string): Promise<PanWire> => {
    const wire = await PanWire.open(at.pan.replace("/pan", "/agent-network/v1/connect"));
    open.push(wire);
    wire.say({ type: "AUTH", agentId, token: await issueToken(at.dataDir, agentId, "ws") });
    await wire.hears(({ messageType }) => messageType === "CONNECTED");
    return wire;
  };
  /** Sends a frame of nadia's, and resolves with what the broker says to it. */
  const says = async (recipientId: string, messageType: string, encrypted = false): Promise<PanFrame> => {
    const messageId = `m${(count += 1)}`;
    const content = messageType === "INFORM" ? { text: "hello" } : { x: "…" };
    const head = { messageId, conversationId: "c", senderId: "nadia", recipientId, messageType };
    nadia.raw(JSON.stringify({ ...head, content, timestamp: Date.now(), metadata: { encrypted } }));
    return nadia.hears(({ content }) => {
      const { messageId: of, details } = content as { messageId?: string; details?: { originalMessageId?: string } };
      return of === messageId || details?.originalMessageId === messageId;
    });
  };
  const change = (word: "add" | "remove", other: string): Promise<unknown> =>
    boss.ask(`contacts.${word}`, { agent: "nadia", other });

  beforeEach(async () => {
    open = [];
    at = await startBroker({ "agent-network": { contacts: "listed" } });
    boss = await operator(at);
    nadia = await enter("nadia");
  });
  afterEach(async () => {
    for (const wire of open) wire.close();
    await boss.close();
    await at.stop();
  });

  const sealed = [
    ["HANDSHAKE", false],
    ["ENCRYPTED", true],
    ["QUERY", true],
  ] as const;

  it.each([...sealed, ["INFORM", false], ["PROPOSAL", false], ["OWN_TYPE", false]] as const)(
    "refuses a %s to a stranger as MESSAGE_ERROR for good, whether it is here, in another dialect, or nowhere",
    async (type, encrypted) => {
      const nils = await enter("nils");
      open.push(await PanWire.login(at.pan, "pia", panToken(at.dataDir)));
      for (const name of ["nils", "pia", "nobody"]) {
        const { messageType, content } = await says(name, type, encrypted);
        expect([messageType, content]).toEqual([
          "ERROR",
          {
            errorCode: "MESSAGE_ERROR",
            message: expect.stringMatching(new RegExp(`^not approved: nadia and ${name}`)) as string,
            details: { originalMessageId: `m${count}`, reason: "not approved" },
            recoverable: false,
          },
        ]);
      }
      expect(nils.frames).toEqual([]);
    },
  );

  it("lets sealed frames of contacts pass, and tells only contacts who could not open them", async () => {
    const nils = await enter("nils");
    open.push(await PanWire.login(at.pan, "pia", panToken(at.dataDir)));
    await change("add", "nils");
    await change("add", "pia");
    for (const [type, encrypted] of sealed) {
      expect(await says("nils", type, encrypted)).toMatchObject({ messageType: "ACK" });
      expect(await nils.hears(({ messageType }) => messageType === type)).toMatchObject({ senderId: "nadia" });
      expect((await says("pia", type, encrypted))["content"]).toMatchObject({
        errorCode: "ENCRYPTION_ERROR",
        details: { dialect: "pan" },
      });
    }
  });

  it("tells PRESENCE of who is a contact when it comes, and of nobody else", async () => {
    for (const name of ["nils", "nora"]) {
      await change("add", name);
      expect((await says(name, "INFORM"))["content"]).toMatchObject({ errorCode: "RECIPIENT_NOT_FOUND" });
    }
    await change("remove", "nils");
    for (const name of ["nils", "nora"]) await enter(name);
    const told = await nadia.hears(({ messageType }) => messageType === "PRESENCE");
    expect(told["content"]).toEqual({ agentId: "nora", status: "online" });
  });
});
