import { nodePlatform } from "./node/platform-node.js";
import type { ViewerOptions } from "./options.js";
import { ViewerCore } from "./viewer-core.js";

/**
 * Looks at what agents do, and commands them, in Node.
 * @example
 * const viewer = new Viewer("wss://broker.example/api/visualisation/agents/ws", { token });
 * viewer.on("agent.state.changed", ({ payload }) => console.log(payload.agentId, payload.newState));
 * await viewer.connect();
 */
export class Viewer extends ViewerCore {
  /** @throws ViewerError BAD_OPTION */
  constructor(url: string, options: ViewerOptions) {
    super(url, options, nodePlatform);
  }
}

/** A WebSocket that takes headers, as the document's connect snippet has it. */
export { WebSocket } from "ws";
export * from "./exports.js";
