/** Bytes as hexadecimal digits, for what a test compares. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** The bytes of hexadecimal digits; white space between them is left out. */
export function ofHex(digits: string): Uint8Array {
  return Uint8Array.from(Buffer.from(digits.replace(/\s/g, ""), "hex"));
}
