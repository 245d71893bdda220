import type { WebSocketConstructor, WebSocketLike } from "../../clients/typescript/agent-network/web-socket.js";

/** A WebSocket whose other end is the test. */
export class FakeWebSocket implements WebSocketLike {
  readyState = 0;
  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: never) => void) | null = null;
  onclose: ((event: never) => void) | null = null;
  onerror: ((event: never) => void) | null = null;
  readonly url: string;
  /** What the client has said. */
  readonly said: string[] = [];
  endedBy: "client" | "server" | undefined;

  constructor(url: string) {
    this.url = url;
  }

  send(data: string): void {
    this.said.push(data);
  }

  close(): void {
    this.endedBy ??= "client";
  }

  terminate(): void {
    this.endedBy ??= "client";
  }

  opens(): void {
    this.readyState = 1;
    this.onopen?.({} as never);
  }

  tells(data: unknown): void {
    this.onmessage?.({ data } as never);
  }

  fails(message: string): void {
    this.onerror?.({ error: new Error(message) } as never);
  }

  closes(code: number, reason = ""): void {
    this.readyState = 3;
    this.endedBy = "server";
    this.onclose?.({ code, reason } as never);
  }
}

/** A constructor of fake sockets, and all that it has made. */
export function fakeSockets(): { readonly WebSocket: WebSocketConstructor; readonly made: readonly FakeWebSocket[] } {
  const made: FakeWebSocket[] = [];
  const WebSocket = class extends FakeWebSocket {
    constructor(url: string) {
      super(url);
      made.push(this);
    }
  };
  return { WebSocket, made };
}
