import { IllegalBytes } from "./codec.js";
import type { Mechanism } from "./policy.js";

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
 * Reads as much of a greeting as has come.
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

/** Who may come in: `none` NULL only, `optional` NULL or PLAIN, `required` PLAIN only. */
export type ZmtpAuth = "none" | "optional" | "required";

/** What to do about the mechanism that a client's greeting names. */
export type MechanismChoice =
  | { readonly kind: "use"; readonly mechanism: Mechanism }
  /**
   * We speak it all the same, so that an ERROR can say why not: after a plain close the client would come back at once.
   */
  | { readonly kind: "refuse"; readonly mechanism: Mechanism; readonly remedy: string }
  /** We cannot even say ERROR in it. */
  | { readonly kind: "close-later"; readonly remedy: string };

/** Chooses by the client's greeting: both mechanisms work on one port (ZeroMQ §4.1). */
export function chooseMechanism(name: string, asServer: boolean, auth: ZmtpAuth): MechanismChoice {
  if (name !== "NULL" && name !== "PLAIN") {
    return {
      kind: "close-later",
      remedy: `this broker does not speak the security mechanism ${printable(name)}: use NULL or PLAIN`,
    };
  }
  if (name === "PLAIN" && asServer) {
    return {
      kind: "close-later",
      remedy: "the client calls itself a PLAIN server: set plain_username and plain_password on it, not plain_server",
    };
  }
  if (name === "PLAIN" && auth === "none") {
    return {
      kind: "refuse",
      mechanism: name,
      remedy: "this broker accepts no tokens on ZeroMQ (auth none): connect without plain_username and plain_password",
    };
  }
  if (name === "NULL" && auth === "required") {
    return {
      kind: "refuse",
      mechanism: name,
      remedy:
        "this broker requires a token: set plain_username to the agent's name and plain_password to its token " +
        "(`broker token AGENT` makes one)",
    };
  }
  return { kind: "use", mechanism: name };
}

function printable(name: string): string {
  return name.replace(/[^\x21-\x7e]/g, "?") || "(none)";
}
