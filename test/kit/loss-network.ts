import { randomUUID } from "node:crypto";
import type { TestBroker } from "./broker.js";
import type { Frame, Receiver, Sender } from "./loss-world.js";
import { NetworkWire } from "./network-wire.js";
import { issueToken } from "./tokens.js";

const enter = async (at: TestBroker, agent: string): Promise<NetworkWire> =>
  NetworkWire.enter(
    at.pan.replace(/pan$/, "agent-network/v1/connect"),
    agent,
    await issueToken(at.dataDir, agent, "ws"),
  );

/** An Agent Network client that hears the messages of the tables. */
export async function networkReceiver(at: TestBroker, agent: string, room: string): Promise<Receiver> {
  const wire = await enter(at, agent);
  await wire.asks("ROOM_JOIN", { room });
  return {
    hears: async (text) => ({
      ...(await wire.hears((frame) => frame.messageType !== "ACK" && JSON.stringify(frame).includes(text))),
    }),
    asks: (to, messageId) => {
      const content = { requestId: messageId, queryType: "CUSTOM", parameters: { text: "are you there?" } };
      wire.say(to, "QUERY", content, { messageId, metadata: { receipt: true } });
    },
    close: () => {
      wire.close();
    },
  };
}

/** An Agent Network client that says them. */
export async function networkSender(at: TestBroker): Promise<Sender> {
  const agent = "nell";
  const wire = await enter(at, agent);
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
      wire.socket.send(JSON.stringify(said));
    },
    close: () => {
      wire.close();
    },
  };
}
