import { networkError } from "./error.js";
import type { Platform } from "./platform.js";
import { IndexedDbStore } from "./store/store-indexeddb.js";
import type { WebSocketConstructor } from "./web-socket.js";

/** A page in a browser: its WebSocket, and IndexedDB. */
export const browserPlatform: Platform = {
  webSocket: () => {
    const { WebSocket } = globalThis as { readonly WebSocket?: WebSocketConstructor };
    return WebSocket === undefined
      ? Promise.reject(networkError("CONNECTION_ERROR", "there is no WebSocket here; give one as the option WebSocket"))
      : Promise.resolve(WebSocket);
  },
  openStore: (name) => IndexedDbStore.open(name),
};
