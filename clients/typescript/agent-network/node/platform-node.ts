import { WebSocket } from "ws";
import type { Platform } from "../platform.js";
import type { WebSocketConstructor } from "../web-socket.js";

/** Bytes of a WebSocket message at most: what the broker says is smaller (Agent Network §1.1). */
const maxPayload = 4_194_304;

/** A WebSocket of `ws` that neither offers compression nor takes endless messages. */
class NodeWebSocket extends WebSocket {
  constructor(url: string) {
    super(url, { perMessageDeflate: false, maxPayload });
  }
}

/** Node: the package `ws`, and folders on disk. */
export const nodePlatform: Platform = {
  webSocket: () => Promise.resolve(NodeWebSocket as unknown as WebSocketConstructor),
  // Loaded when it is needed: a client without a store needs no lmdb.
  openStore: async (folder) => (await import("./store-lmdb.js")).LmdbStore.open(folder),
};
