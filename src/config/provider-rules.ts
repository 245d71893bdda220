import { Fault, systemClock } from "../core/index.js";
import { isUrl, issuerFileProblems, type Issuer } from "../identity/providers/index.js";
import { isLocalDoor, isLocalUrl } from "./doors.js";
import type { BrokerConfig } from "./options.js";
import { Problems } from "./problems.js";
import { issuerOf, usualDialects } from "./provider-options.js";

/**
 * Issuers of tokens that no broker with this configuration can have.
 * @param nameOf an option as its author wrote it
 * @returns a problem with its remedy for each
 */
export function impossibleProviders(config: BrokerConfig, nameOf: (path: string) => string): readonly Fault[] {
  const { identityProviders, dialects } = config;
  const issuers = identityProviders.map(issuerOf);
  const known = new Set([...dialects.map(({ name }) => name), ...usualDialects]);
  const isOpen = canBeReached(config);
  return issuers.flatMap((issuer, at) => {
    const where = nameOf(`identityProviders.${String(at)}`);
    const problems: string[] = [];
    if (issuers.findIndex(({ name }) => name === issuer.name) < at)
      problems.push(`the issuer ${issuer.name} is there twice; put both into one entry`);
    for (const dialect of issuer.dialects)
      if (!known.has(dialect))
        problems.push(`dialects: there is no dialect ${dialect}; there are ${[...known].join(", ")}`);
    if (issuer.keys.ca !== undefined && !isUrl(issuer.keys))
      problems.push("ca: the keys are in a file, and nobody has to vouch for that; leave ca out");
    if (issuer.emulator && isOpen)
      problems.push(
        "emulator: anybody makes such tokens, and others can reach the doors: " +
          "let every door listen at 127.0.0.1, without a proxy before it, or leave emulator out",
      );
    return problems.map((problem) => new Fault("malformed", `${where}: ${problem}`));
  });
}

/** True if not only this machine reaches a door. */
function canBeReached({ ws, ownDoors, zmqIn, zmqOut, behindProxy, behindTunnel }: BrokerConfig): boolean {
  const doors = [...ws, ...Object.values(ownDoors)];
  return (
    behindProxy ||
    behindTunnel ||
    !doors.every(isLocalDoor) ||
    ![...(zmqIn ?? []), ...(zmqOut ?? [])].every((url) => isLocalUrl(url))
  );
}

/**
 * What a broker with this configuration takes tokens of.
 * @throws Fault malformed: a file that one names cannot be used, with a line for each and its remedy
 */
export function issuersOf(config: BrokerConfig): readonly Issuer[] {
  const problems = new Problems();
  for (const problem of providerFileProblems(config, (path) => `option ${path}`)) problems.note(problem);
  problems.throwIfAny();
  return config.identityProviders.map(issuerOf);
}

/** A problem with its remedy for each file of keys or authorities that cannot be used. */
export function providerFileProblems(config: BrokerConfig, nameOf: (path: string) => string): readonly Fault[] {
  return issuerFileProblems(config.identityProviders.map(issuerOf), systemClock.now(), (at) =>
    nameOf(`identityProviders.${String(at)}`),
  );
}
