import { IllegalBytes } from "./illegal.js";

/** A greeting is 64 bytes (RFC 23 §3.1): signature 10, version 2, mechanism 20, as-server 1, filler 31. */
export const greetingBytes = 64;
/**
 * What we send on accept: our signature as libzmq writes it, and major version 3. The rest follows the client's
 * mechanism.
 */
export const greetingHead = Buffer.from([0xff, 0, 0, 0, 0, 0, 0, 0, 0x01, 0x7f, 3]);

/** The rest of our greeting: minor 1, the mechanism that the client named, as-server for PLAIN. */
export function greetingTail(mechanism: string, asServer: boolean): Buffer {
  const tail = Buffer.alloc(greetingBytes - greetingHead.length);
  tail[0] = 1;
  tail.write(mechanism, 1, "latin1");
  tail[21] = asServer ? 1 : 0;
  return tail;
}

/** What a client's greeting says. */
export interface Greeting {
  readonly minor: number;
  readonly mechanism: string;
  readonly asServer: boolean;
}

/**
 * Looks at as much of a greeting as has come.
 * @returns the client's major version, or undefined if it has not come yet
 * @throws IllegalBytes for HTTP, ZMTP 1.0 and everything else that is not ZMTP 2 or later
 */
export function greetingMajor(bytes: Buffer): number | undefined {
  const first = bytes[0];
  const tenth = bytes[9];
  if (first !== undefined && first !== 0xff) throw new IllegalBytes("zmtp-not-zmtp");
  if (tenth !== undefined && (tenth & 1) === 0) throw new IllegalBytes("zmtp-not-zmtp");
  return bytes[10];
}

/** Reads a whole greeting of major version 3. */
export function readGreeting(bytes: Buffer): Greeting {
  const field = bytes.subarray(12, 32);
  const end = field.indexOf(0);
  return {
    minor: bytes[11] ?? 0,
    mechanism: field.toString("latin1", 0, end === -1 ? 20 : end),
    asServer: ((bytes[32] ?? 0) & 1) === 1,
  };
}
