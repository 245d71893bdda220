// How long verifying the JWTs of another issuer keeps the loop busy, each of them from its text to its owner, in however
// many turns: prints the figures of `watchTurns`, as JSON. What a broker prepares at its start is prepared.
//   node verify-loop.mjs FOLDER ALGORITHM TOKENS
import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { identityProvider, issuerOf } from "../../dist/src/config/provider-options.js";
import { defaultLimits, systemClock } from "../../dist/src/core/index.js";
import { rehearse } from "../../dist/src/identity/index.js";
import { readJwt } from "../../dist/src/identity/jwt-form.js";
import { ConfiguredIssuers } from "../../dist/src/identity/providers/index.js";
import { networkTokens } from "./network-tokens.mjs";
import { watchTurns } from "./turns.mjs";

const [folder, algorithm, count] = process.argv.slice(2);
const { config, tokens } = await networkTokens(folder, "net", Number(count), algorithm);
const { identityProviders } = JSON.parse(readFileSync(config, "utf8"));
const nobody = {
  isOurs: () => false,
  isProtected: () => false,
  protectedLike: () => undefined,
  isOnline: () => false,
  keptFor: () => undefined,
};
const issuers = new ConfiguredIssuers({
  clock: systemClock,
  limits: defaultLimits,
  names: nobody,
  log: () => undefined,
});
issuers.set(identityProviders.map((one) => issuerOf(identityProvider.parse(one))));
issuers.warm();
await rehearse(systemClock);
await pause(1_000);
const watch = watchTurns();
for (const token of tokens) {
  await pause(5);
  watch.look();
  if ((await issuers.bearer(readJwt(token), "agent-network")) === undefined) throw new Error("not this issuer's");
  watch.look();
}
process.stdout.write(JSON.stringify(await watch.end()));
process.exit(0);
