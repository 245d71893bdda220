import type { AuthToken } from "./login-token.js";
import { browserPlatform } from "./platform-browser.js";
import type { SocketOptions } from "./options.js";
import { AgentSocket } from "./secure-agent-socket.js";

/**
 * A client of the Agent Network in a browser, with the document's constructor: `/sdk/network.js`.
 * @example
 * const alice = new SecureAgentSocket("wss://broker.example/agent-network/v1/connect", token, "agent_alice");
 * alice.handle("QUERY", (query, message) => alice.respond(message, { data: { availableTimes: [] } }));
 * await alice.connect();
 * const times = await alice.query("agent_bob", "AVAILABILITY", { startDate: "2030-06-01", endDate: "2030-06-07" });
 */
export class SecureAgentSocket extends AgentSocket {
  /** @throws NetworkError INVALID_MESSAGE_FORMAT for an option that is none */
  constructor(serverUrl: string, authToken: AuthToken, agentId: string, options: SocketOptions = {}) {
    super(serverUrl, authToken, agentId, options, browserPlatform);
  }
}

export * from "./exports.js";
