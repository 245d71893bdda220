/** Verifications that fail because nobody here knows who signed, as Node names OpenSSL's words. */
const unknownSigner: ReadonlySet<string> = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
]);

/**
 * What to do about a server that is there, but whose certificate does not hold; undefined if it is not the certificate.
 */
export function certificateRemedy(error: Error): string | undefined {
  const code = "code" in error ? error.code : undefined;
  if (typeof code !== "string") return undefined;
  if (unknownSigner.has(code))
    return "this machine does not know who signed its certificate: start this program with NODE_EXTRA_CA_CERTS=FILE, that certificate or its authority's";
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") return "write the address with a name that its certificate holds";
  if (code === "CERT_HAS_EXPIRED") return "its certificate has to be renewed there";
  return undefined;
}
