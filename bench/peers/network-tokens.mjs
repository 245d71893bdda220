// Agents whose names are proved by an issuer of the benchmark's own: its key set, the broker's configuration that names
// it, and a token for each.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { exportJWK, generateKeyPair, SignJWT } from "jose";

const issuer = "https://issuer.bench.invalid";
const kid = "bench";

/**
 * Tokens for `prefix`0, `prefix`1 and so on, one a line of `file`; the broker takes them with `config`.
 * @param algorithm EdDSA, RS256, …
 */
export async function networkTokens(home, prefix, count, algorithm = "EdDSA") {
  mkdirSync(home, { recursive: true });
  const { publicKey, privateKey } = await generateKeyPair(algorithm);
  const jwks = join(home, "jwks.json");
  writeFileSync(jwks, JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid, alg: algorithm, use: "sig" }] }));
  const config = join(home, "broker.json");
  writeFileSync(config, JSON.stringify({ identityProviders: [{ issuer, audience: "bench", jwks }] }));
  const tokens = [];
  for (let at = 0; at < count; at += 1)
    tokens.push(
      await new SignJWT({})
        .setProtectedHeader({ alg: algorithm, kid })
        .setIssuer(issuer)
        .setAudience("bench")
        .setSubject(`${prefix}${at}`)
        .setIssuedAt()
        .setExpirationTime("2h")
        .sign(privateKey),
    );
  const file = join(home, "tokens");
  writeFileSync(file, tokens.join("\n"));
  return { config, file, tokens };
}
