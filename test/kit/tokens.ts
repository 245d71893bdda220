import { systemClock, defaultLimits, type Scope } from "../../src/core/index.js";
import { DataDirectory } from "../../src/storage/index.js";
import { IdentityTokens, type TokenKind } from "../../src/identity/index.js";

/** Makes a token in the data directory of a broker, running or not, as `broker token` does. */
export async function issueToken(
  dataDir: string,
  subject: string,
  kind: TokenKind = "zmq",
  more: { scopes?: readonly Scope[]; names?: readonly string[] } = {},
): Promise<string> {
  return identityIn(dataDir).issue({ kind, subject, ...more });
}

/** Takes all tokens of an agent back, as `broker token revoke` does. */
export async function revokeTokens(dataDir: string, subject: string): Promise<void> {
  await identityIn(dataDir).revoke(subject);
}

function identityIn(dataDir: string): IdentityTokens {
  const identity = new IdentityTokens({
    dataDirectory: new DataDirectory(dataDir),
    clock: systemClock,
    limits: defaultLimits,
    reserved: [],
    damaged: (fault) => {
      throw fault;
    },
  });
  identity.load();
  return identity;
}
