import { createHash, createPrivateKey, createPublicKey, sign, type KeyObject } from "node:crypto";

/** An Ed25519 identity as an AgentChat client has one; the same name gives the same key. */
export interface TestKey {
  /** Without `@`. */
  readonly id: string;
  /** What servers called it before ids were made of the PEM, without `@`. */
  readonly formerId: string;
  readonly spki: string;
  readonly raw: string;
  readonly pem: string;
  readonly privateKey: KeyObject;
  /** Base64 signature over the UTF-8 of a text. */
  signs(text: string): string;
}

/** A key made from a name. */
export function keyFor(name: string): TestKey {
  const seed = createHash("sha256").update(`test key of ${name}`).digest();
  const privateKey = createPrivateKey({
    key: Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), seed]),
    format: "der",
    type: "pkcs8",
  });
  const publicKey = createPublicKey(privateKey);
  const der = publicKey.export({ format: "der", type: "spki" });
  const raw = der.subarray(-32);
  const pem = publicKey.export({ format: "pem", type: "spki" }).toString();
  const idOver = (bytes: string | Buffer): string => createHash("sha256").update(bytes).digest("hex").slice(0, 16);
  return {
    id: idOver(pem),
    formerId: idOver(raw),
    spki: der.toString("base64"),
    raw: raw.toString("base64"),
    pem,
    privateKey,
    signs: (text) => sign(null, Buffer.from(text), privateKey).toString("base64"),
  };
}
