import { fromBase64 } from "./base64.js";
import { NotCanonical, canonicalBytes } from "./canonical-json.js";
import { signatureBytes } from "./key-pairs.js";
import { CryptoProblem } from "./problem.js";
import type { Bytes } from "./sodium.js";

/** What a frame's `content` is, before anything of it is known. */
export type Fields = Readonly<Record<string, unknown>>;

/** An object with keys, or a {@link CryptoProblem} "malformed" that names `what`. */
export function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw new CryptoProblem("malformed", `${what} is no object`);
}

/** A field's own value: what `Object.prototype` has under the name is not the peer's. */
export function own(fields: Fields, name: string): unknown {
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}

/** A field that is a text, or a {@link CryptoProblem} "malformed". */
export function textIn(fields: Fields, name: string): string {
  const value = own(fields, name);
  if (typeof value === "string") return value;
  throw new CryptoProblem("malformed", `${name} is no text`);
}

/** A field that is base64, or a {@link CryptoProblem} "malformed". */
export function bytesIn(fields: Fields, name: string): Bytes {
  const bytes = fromBase64(textIn(fields, name));
  if (bytes !== undefined) return bytes;
  throw new CryptoProblem("malformed", `${name} is no base64 with padding`);
}

/** `signature`, 64 bytes, or a {@link CryptoProblem} "malformed". */
export function signatureIn(fields: Fields): Bytes {
  const signature = bytesIn(fields, "signature");
  if (signature.length === signatureBytes) return signature;
  throw new CryptoProblem("malformed", `signature has ${signature.length} bytes, not ${signatureBytes}`);
}

/** {@link canonicalBytes} of what a peer chose: what has no canonical text is a {@link CryptoProblem} "malformed". */
export function canonicalOfPeer(value: unknown): Bytes {
  try {
    return canonicalBytes(value);
  } catch (error) {
    if (error instanceof NotCanonical) throw new CryptoProblem("malformed", error.message);
    throw error;
  }
}
