/** What a batch may be compressed by. */
export type Algorithm = "deflate" | "gzip" | "brotli";

/** What is used of a WebSocket. */
export interface SocketLike {
  readonly readyState: number;
  binaryType: string;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(data: string): void;
  close(code?: number, reason?: string): void;
  /** `ws` alone: ends the connection without a farewell. */
  terminate?(): void;
}

/** How a token goes to the broker. */
export interface Opening {
  readonly socket: SocketLike;
  /** The token that is still to be said in the handshake: it could not go along. */
  readonly tokenInHandshake: string | undefined;
}

/** What a viewer needs of where it runs. */
export interface Platform {
  /** Begins a connection that says who looks, and what it is (Visualisation §1.2). @throws Error */
  open(url: string, token: string): Opening;
  /** What can be opened here, the best first. */
  readonly algorithms: readonly Algorithm[];
  /**
   * Opens a compressed batch, and no more of it than it claims.
   * @throws Error it is damaged, or not what it claims
   */
  inflate(algorithm: Algorithm, data: Uint8Array, originalSize: number): Uint8Array | Promise<Uint8Array>;
  /** What to do about a connection that failed so; undefined where nothing is known of it. */
  remedy(error: Error): string | undefined;
}

/** What a viewer speaks (Visualisation §1.1). */
export const subprotocol = "visualisation.v2";

/** Characters of a subprotocol (RFC 9110 §5.6.2), in which a token can go along. */
const subprotocolMark = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** A token as a subprotocol; undefined where it has other characters. */
export function bearerOf(token: string): string | undefined {
  return subprotocolMark.test(token) ? `bearer.${token}` : undefined;
}

/** A batch larger than this is nothing of the broker's, bytes when opened. */
export const openedBytesMax = 16 * 1024 * 1024;
