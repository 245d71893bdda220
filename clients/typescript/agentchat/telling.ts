import type { EventEmitter } from "node:events";
import type { ServerEvent } from "./events.js";
import type { AgentChatClientEvents } from "./options.js";

/** Emits what a server said as the event of a client, unless only the connection needs it. */
export function tellEvent(client: EventEmitter<AgentChatClientEvents>, event: ServerEvent): void {
  switch (event.type) {
    case "WELCOME":
      return void client.emit("welcome", event);
    case "VERIFY_SUCCESS":
      return void client.emit("verified", event);
    case "MSG":
      return void client.emit("message", event);
    case "JOINED":
      return void client.emit("joined", event);
    case "LEFT":
      return void client.emit("left", event);
    case "AGENT_JOINED":
      return void client.emit("agent_joined", event);
    case "AGENT_LEFT":
      return void client.emit("agent_left", event);
    case "PROPOSAL":
      return void client.emit("proposal", event);
    case "ACCEPT":
      return void client.emit("accept", event);
    case "REJECT":
      return void client.emit("reject", event);
    case "COMPLETE":
      return void client.emit("complete", event);
    case "DISPUTE":
      return void client.emit("dispute", event);
    case "OTHER":
      return void client.emit("other", event.said);
    case "DELIVERY":
      return void client.emit("delivery", event);
    case "ANSWER": // others answer calls
      if (event.ref === "IDENTIFY" && event.kind === "mailbox.open")
        client.emit("mailbox", { kind: event.kind, message: event.message, data: event.data });
      return;
    case "CHALLENGE":
    case "ERROR":
    case "CHANNELS":
    case "AGENTS":
    case "SESSION_DISPLACED": // an ERROR of this code says the same
    case "PONG": // only the connection needs these
  }
}
