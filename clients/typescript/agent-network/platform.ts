import type { NetworkStore } from "./store/store.js";
import type { WebSocketConstructor } from "./web-socket.js";

/** What a client needs of where it runs. */
export interface Platform {
  /** @throws Error, naming the remedy where there is none */
  webSocket(): Promise<WebSocketConstructor>;
  /** @param where the folder or the name that `store` says */
  openStore(where: string): Promise<NetworkStore>;
}
