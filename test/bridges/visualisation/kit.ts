import { visualisation } from "../../../bridges/visualisation/index.js";
import type { Conversation } from "../../../src/conformance/conversation.js";
import { ConformanceWorld } from "../../../src/conformance/world.js";

/** A broker without sockets, and one connection at an endpoint, at which nothing has been said. */
export function agentWorld(
  path = "/agents/ws",
  headers: Readonly<Record<string, string>> = {},
  bearer?: string,
): { readonly world: ConformanceWorld; readonly viewer: Conversation } {
  const world = new ConformanceWorld([visualisation]);
  return { world, viewer: world.connect(path, { headers, bearer }) };
}

/** The same once it has logged in, by a token that may do all. */
export async function greeted(path = "/api/control/ws", capabilities: readonly string[] = []) {
  const { world, viewer } = agentWorld(path);
  await viewer.says({ type: "handshake", capabilities, token: "viewing eye" });
  await viewer.hears({ type: "handshake_ack" });
  return { world, viewer };
}
