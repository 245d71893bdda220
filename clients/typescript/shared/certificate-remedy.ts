/** Node's codes for a certificate that fails because nobody here knows who signed it. */
const unknownSigner: ReadonlySet<string> = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
]);

/**
 * What to do about a server that answers but whose TLS certificate is refused. Undefined if the error has another
 * cause.
 */
export function certificateRemedy(error: Error): string | undefined {
  const code = "code" in error ? error.code : undefined;
  if (typeof code !== "string") return undefined;
  if (unknownSigner.has(code)) {
    return (
      "this machine does not know who signed its certificate: start this program with NODE_EXTRA_CA_CERTS=FILE, " +
      "where FILE is that certificate or the one of its authority"
    );
  }
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") return "use a host name in the address that its certificate contains";
  if (code === "CERT_NOT_YET_VALID") return "its certificate is not valid yet: is the clock of this machine right?";
  if (code === "CERT_HAS_EXPIRED") return "its certificate has expired and must be renewed there";
  return undefined;
}
