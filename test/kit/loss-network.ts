import { randomUUID } from "node:crypto";
import type { TestBroker } from "./broker.js";
import type { Frame, Receiver, Sender } from "./loss-world.js";
import { NetworkAgent } from "./network-agent.js";

/** An Agent Network client that hears the messages of the tables. */
export async function networkReceiver(at: TestBroker, agent: string, room: string): Promise<Receiver> {
  const client = await NetworkAgent.enter(at, agent);
  await client.asks("ROOM_JOIN", { room });
  return {
    hears: async (text) => ({
      ...(await client.hears((frame) => frame.messageType !== "ACK" && JSON.stringify(frame).includes(text))),
    }),
    asks: (to, messageId) => {
      const content = { requestId: messageId, queryType: "CUSTOM", parameters: { text: "are you there?" } };
      client.say(to, "QUERY", content, { messageId, metadata: { receipt: true } });
    },
    close: () => {
      client.close();
    },
  };
}

/** An Agent Network client that says them. */
export async function networkSender(at: TestBroker): Promise<Sender> {
  const agent = "nell";
  const client = await NetworkAgent.enter(at, agent);
  const frame = (recipientId: string, messageType: string, content: object): Frame => ({
    messageId: `n-${randomUUID()}`,
    conversationId: "c-4",
    senderId: agent,
    recipientId,
    messageType,
    content,
    timestamp: Date.now() - 7_000,
    metadata: {
      priority: "HIGH",
      encrypted: false,
      requiresResponse: false,
      waitMs: 46_000,
      receipt: true,
      ephemeral: true,
      expiresAt: Date.now() + 3_600_000,
      colour: "red",
    },
    colour: "red",
  });
  return {
    messages: {
      full: (to, text) =>
        frame(to, "RESPONSE", {
          requestId: "q-4",
          data: { text, kind: "weather", data: { degrees: 24 } },
          error: null,
        }),
      query: (to, text) => frame(to, "QUERY", { requestId: "r-4", queryType: "WEATHER", parameters: { place: text } }),
      room: (to, text) => frame(to, "INFORM", { text }),
      all: (to, text) => frame(to, "INFORM", { text }),
    },
    say: (said) => {
      client.wire.say(said);
    },
    close: () => {
      client.close();
    },
  };
}
