import { bearerOf, openedBytesMax, subprotocol, type Algorithm, type Platform, type SocketLike } from "./platform.js";

type BrowserSocket = new (url: string, protocols: readonly string[]) => SocketLike;

/** What browsers call `DecompressionStream`. */
type Decompression = new (format: string) => {
  readonly readable: { getReader(): Reader };
  readonly writable: { getWriter(): Writer };
};
interface Reader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array }>;
  cancel(): Promise<void>;
}
interface Writer {
  write(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

const { WebSocket, DecompressionStream } = globalThis as {
  readonly WebSocket?: BrowserSocket;
  readonly DecompressionStream?: Decompression;
};

/** A page in a browser: its WebSocket, and what it opens compressed batches with. */
export const browserPlatform: Platform = {
  algorithms: (["brotli", "deflate", "gzip"] as const).filter(isKnown),
  open(url, token) {
    if (WebSocket === undefined) throw new Error("there is no WebSocket here");
    const bearer = bearerOf(token);
    const protocols = bearer === undefined ? [subprotocol] : [subprotocol, bearer];
    return { socket: new WebSocket(url, protocols), tokenInHandshake: bearer === undefined ? token : undefined };
  },
  inflate,
  remedy: () => undefined,
};

/** Browsers know different ones, and tell by what they refuse. */
function isKnown(algorithm: Algorithm): boolean {
  if (DecompressionStream === undefined) return false;
  try {
    new DecompressionStream(algorithm);
    return true;
  } catch {
    return false;
  }
}

async function inflate(algorithm: Algorithm, data: Uint8Array, originalSize: number): Promise<Uint8Array> {
  if (DecompressionStream === undefined) throw new Error("there is no DecompressionStream here");
  if (originalSize > openedBytesMax) throw new Error("a compressed batch claims to be too large");
  const { readable, writable } = new DecompressionStream(algorithm);
  const writer = writable.getWriter();
  const reader = readable.getReader();
  // What is wrong with the bytes is told by the reader, too.
  const written = Promise.all([writer.write(data), writer.close()]).catch(() => undefined);
  const opened = new Uint8Array(originalSize);
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (value !== undefined) {
      if (length + value.length > originalSize) {
        await reader.cancel();
        throw new Error("a compressed batch is larger than it claims");
      }
      opened.set(value, length);
      length += value.length;
    }
    if (done) break;
  }
  await written;
  if (length !== originalSize) throw new Error("a compressed batch is smaller than it claims");
  return opened;
}
