import { documentSocket, type DocumentSocket } from "./document-socket.js";
import type { ViewerOptions } from "./options.js";
import { browserPlatform } from "./platform-browser.js";
import { ViewerCore } from "./viewer-core.js";

/**
 * Looks at what agents do, and commands them, in a browser: `/sdk/visualisation.js`.
 * @example
 * const viewer = new Viewer("wss://broker.example/api/visualisation/agents/ws", { token });
 * viewer.on("agent.state.changed", ({ payload }) => console.log(payload.agentId, payload.newState));
 * await viewer.connect();
 */
export class Viewer extends ViewerCore {
  /** @throws ViewerError BAD_OPTION */
  constructor(url: string, options: ViewerOptions) {
    super(url, options, browserPlatform);
  }
}

const { WebSocket: Browser } = globalThis as unknown as { readonly WebSocket?: Parameters<typeof documentSocket>[0] };

/** A WebSocket that takes headers, as the document's connect snippet has it; undefined where there is none at all. */
export const WebSocket: DocumentSocket | undefined = Browser === undefined ? undefined : documentSocket(Browser);
export * from "./exports.js";
