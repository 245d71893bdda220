import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { WebSocketServer, type WebSocket } from "ws";
import { networkMessage, type NetworkFrame } from "./network-wire.js";

/**
 * A broker that does what the test wants with what passes: reads, alters, reorders, repeats, swallows or makes up frames.
 * It lets everybody in and acknowledges everything.
 */
export class MaliciousBroker {
  readonly url: string;
  /** All that agents have said to each other, as it came. */
  readonly seen: string[] = [];
  /** What becomes of a frame: what is handed on instead. Its own frame: an honest broker. */
  relay: (frame: NetworkFrame) => readonly NetworkFrame[] = (frame) => [frame];
  readonly #server: WebSocketServer;
  // bound: the agents of one test · evicts: when one goes · owner: MaliciousBroker
  readonly #agents = new Map<string, WebSocket>();

  private constructor(server: WebSocketServer) {
    this.#server = server;
    this.url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/agent-network/v1/connect`;
    server.on("connection", (socket) => {
      socket.on("message", (data: Buffer) => {
        this.#hear(socket, JSON.parse(data.toString()) as NetworkFrame & { type?: string; agentId?: string });
      });
    });
  }

  static async start(): Promise<MaliciousBroker> {
    const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
    await once(server, "listening");
    return new MaliciousBroker(server);
  }

  /** Hands a frame to its recipient. */
  hand(frame: NetworkFrame): void {
    this.#agents.get(frame.recipientId)?.send(JSON.stringify(frame));
  }

  /** Ends the connection of an agent. */
  cut(agent: string): void {
    this.#agents.get(agent)?.terminate();
  }

  /** Says something in the broker's name. */
  tell(agent: string, messageType: string, content: object): void {
    this.hand(networkMessage("system", agent, { messageType, content: { ...content }, conversationId: "system" }));
  }

  async stop(): Promise<void> {
    for (const socket of this.#server.clients) socket.terminate();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  #hear(socket: WebSocket, frame: NetworkFrame & { type?: string; agentId?: string }): void {
    if (frame.type === "AUTH" && frame.agentId !== undefined) {
      const { agentId } = frame;
      this.#agents.set(agentId, socket);
      socket.once("close", () => {
        if (this.#agents.get(agentId) === socket) this.#agents.delete(agentId);
      });
      const rate = { messagesPerSecond: 0, messageBurst: 1_000 };
      this.tell(agentId, "CONNECTED", { connectionId: "c", heartbeatInterval: 30_000, serverTime: 0, ...rate });
    } else if (frame.recipientId === "system") {
      if (frame.messageType === "HEARTBEAT") this.tell(frame.senderId, "HEARTBEAT", frame.content);
      else socket.close(1000);
    } else {
      this.seen.push(JSON.stringify(frame));
      this.tell(frame.senderId, "ACK", { messageId: frame.messageId });
      for (const one of this.relay(frame)) this.hand(one);
    }
  }
}
