// An outbox over real conversations: keys that are to be renewed, and handshakes that lead nowhere.
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ready } from "../../../../clients/typescript/agent-network/crypto/sodium.js";
import { Outbox } from "../../../../clients/typescript/agent-network/delivery/outbox.js";
import type { NetworkFrame } from "../../../../clients/typescript/agent-network/frames.js";
import { FakeClock } from "../../../../src/conformance/fake-clock.js";
import { met, type Party } from "../conversations/party.js";

beforeAll(ready);

const metadata = { priority: "NORMAL", encrypted: true, requiresResponse: false };
const dayMs = 24 * 60 * 60 * 1_000;

let clock: FakeClock;
let ada: Party;
let outbox: Outbox;
let said: NetworkFrame[];
beforeEach(async () => {
  clock = new FakeClock();
  ({ ada } = await met(clock));
  said = [];
  let ids = 0;
  outbox = new Outbox({
    agentId: "ada",
    clock,
    conversations: ada.conversations,
    kept: { all: () => [], put: () => Promise.resolve(), remove: () => Promise.resolve() },
    now: () => clock.now(),
    newId: () => `id${(ids += 1)}`,
    write: (frame) => said.push(frame) > 0,
    tell: () => undefined,
    problem: (error) => expect.unreachable(String(error)),
  });
  ada.conversations.wantOffer = (peer, id) => {
    outbox.offerWanted(peer, id);
  };
  await outbox.open();
  outbox.lineUp();
});
afterEach(() => {
  outbox.close();
  ada.conversations.close();
});

describe("a renewal whose offers nobody answers", () => {
  /** Until what was offered is given up. */
  const passes = async (): Promise<void> => {
    for (let at = 0; at < 48; at += 1) {
      clock.advance(dayMs / 48);
      await new Promise(setImmediate);
    }
  };

  it.each(["dropped", "refused, since the peer is away"])(
    "is made up for before anything more is sealed by the old key: %s",
    async (how) => {
      await ada.conversations.renewAll();
      const [offer] = said;
      expect(said.map(({ messageType }) => messageType)).toEqual(["HANDSHAKE"]);
      if (how !== "dropped" && offer !== undefined)
        outbox.refused(offer.messageId, "RECIPIENT_NOT_FOUND", {}, true, undefined);
      await passes();
      said.length = 0;
      const message = { messageId: "m1", conversationId: "c", recipientId: "bob", messageType: "INFORM", metadata };
      await outbox.add({ ...message, content: { text: "hi" }, timestamp: clock.now() });
      expect(said.map(({ messageType }) => messageType)).toEqual(["HANDSHAKE"]);
    },
  );

  it("is wanted again after 30 days", async () => {
    await ada.conversations.renewAll();
    await passes();
    said.length = 0;
    await ada.conversations.renewAll();
    expect(said.map(({ messageType }) => messageType)).toEqual(["HANDSHAKE"]);
  });
});
