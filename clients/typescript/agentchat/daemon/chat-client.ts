import { AgentChatClient } from "../client.js";
import type { ClientHears, DaemonClient, DaemonClientOptions } from "./daemon-client.js";

/** The daemon's client over a real connection: {@link AgentChatClient}, which leaves the coming back to the daemon. */
export function chatClient(options: DaemonClientOptions, { event, refused, closed }: ClientHears): DaemonClient {
  const client = new AgentChatClient({ ...options, reconnect: false });
  for (const kind of [
    "message",
    "joined",
    "left",
    "agent_joined",
    "agent_left",
    "proposal",
    "accept",
    "reject",
    "complete",
    "dispute",
  ] as const) {
    client.on(kind, (said: object) => {
      event({ ...said });
    });
  }
  client.on("error", refused);
  client.on("close", closed);
  return client;
}
