import {
  brotliCompressSync,
  brotliDecompressSync,
  constants,
  deflateSync,
  gunzipSync,
  gzipSync,
  inflateSync,
  type Zlib,
} from "node:zlib";
import { Fault } from "#dialect";

/** What a batch can be compressed by (Visualisation §1.7); `deflate` is RFC 1950, which the ack calls `zlib`. */
export const algorithms = ["deflate", "gzip", "brotli"] as const;
export type Algorithm = (typeof algorithms)[number];

/**
 * No algorithm here is believed to open to more times its size: deflate cannot, and what a viewer says in brotli never
 * has a reason to.
 */
export const ratioMax = 1032;

/** What zlib's sync functions return where `info` is asked for; their types do not know it. */
interface Opened {
  readonly buffer: Buffer;
  readonly engine: Zlib;
}

/** @param level 0–9, of brotli 0–11 */
export function compress(algorithm: Algorithm, level: number, bytes: Uint8Array): Buffer {
  switch (algorithm) {
    case "deflate":
      return deflateSync(bytes, { level });
    case "gzip":
      return gzipSync(bytes, { level });
    case "brotli":
      return brotliCompressSync(bytes, {
        params: {
          [constants.BROTLI_PARAM_QUALITY]: level,
          [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
        },
      });
  }
}

/**
 * Opens what a stranger compressed: what it claims is looked at first, and opening stops at what it claims, so that no
 * more is ever made of it (Visualisation §2.5).
 * @param originalSize what it claims to be when opened, bytes
 * @param maxBytes what it may be
 * @throws Fault too-large: it claims more than it may · malformed: it claims what cannot be, is damaged or not whole,
 * is more or less than it claims, or something follows it
 */
export function open(algorithm: Algorithm, bytes: Uint8Array, originalSize: number, maxBytes: number): Buffer {
  if (originalSize > maxBytes)
    throw new Fault("too-large", `a compressed batch may have ${String(maxBytes)} bytes when opened; send several`);
  if (originalSize === 0 || originalSize > bytes.length * ratioMax)
    throw new Fault("malformed", "a compressed batch claims a size that it cannot have");
  const { buffer, engine } = opened(algorithm, bytes, originalSize);
  if (buffer.length !== originalSize)
    throw new Fault("malformed", "a compressed batch is smaller than it claims when opened");
  if (engine.bytesWritten !== bytes.length) throw new Fault("malformed", "something follows a compressed batch");
  return buffer;
}

function opened(algorithm: Algorithm, bytes: Uint8Array, originalSize: number): Opened {
  const options = { maxOutputLength: originalSize, info: true };
  try {
    const result =
      algorithm === "deflate"
        ? inflateSync(bytes, options)
        : algorithm === "gzip"
          ? gunzipSync(bytes, options)
          : brotliDecompressSync(bytes, options);
    return result as unknown as Opened; // because of `info`
  } catch (thrown) {
    const isLarger = thrown instanceof RangeError && (thrown as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE";
    const problem = isLarger ? "is larger than it claims when opened" : `is no ${algorithm}, damaged, or not whole`;
    // Without its cause: what a stranger gets wrong is no failure of ours, and would fill the log.
    throw new Fault("malformed", `a compressed batch ${problem}`);
  }
}
