/** What cryptography can find wrong with what a peer sent: those of Agent Network §14.4 that need no memory. */
export type CryptoKind = "malformed" | "bad-key" | "bad-signature" | "bad-tag";

/** Something that a peer sent fails. The message says what and where, never keys, plain text or what was sent. */
export class CryptoProblem extends Error {
  override readonly name = "CryptoProblem";

  constructor(
    readonly kind: CryptoKind,
    message: string,
  ) {
    super(message);
  }
}
