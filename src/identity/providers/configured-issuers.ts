import { Fault, principal, type Clock, type Limits, type Log, type Principal, type Scope } from "../../core/index.js";
import type { Table } from "../../storage/table.js";
import type { Credential } from "../identity.js";
import type { LookAlikes } from "../look-alikes.js";
import { refused, type UnverifiedJwt } from "../jwt-form.js";
import type { OutsideIssuers } from "../outside-issuers.js";
import { AtOnce } from "./at-once.js";
import { isUrl, ownerOf, type Issuer } from "./issuer.js";
import { fetchIssuerKeys, readIssuerKeys } from "./issuer-files.js";
import type { KeySource } from "./key-source.js";
import { KeySourceFile } from "./key-source-file.js";
import { KeySourceUrl } from "./key-source-url.js";
import { NameBindings, type Binding } from "./name-bindings.js";
import { claimAt, claimedAgents, grantOf, listedAgents, wordsOf, type NamesHere } from "./outside-agents.js";
import { verifyOutside, type OutsideClaims } from "./outside-token.js";

/** Signatures that are verified at once: as many as Node has threads for it. */
const verifiedAtOnce = 4;

/** What the issuers of a broker need. */
export interface IssuersOptions {
  readonly clock: Clock;
  readonly limits: Pick<Limits, "issuerWaitsMax" | "issuerNamesMax" | "issuerFirstUsesMax">;
  readonly names: NamesHere;
  readonly log: Log;
}

interface Configured {
  readonly issuer: Issuer;
  readonly source: KeySource;
}

/** The issuers that the configuration names, and the names that belong to their users (protocols §0.12). */
export class ConfiguredIssuers implements OutsideIssuers {
  readonly #options: IssuersOptions;
  readonly #bindings: NameBindings;
  readonly #turns = new AtOnce(verifiedAtOnce);
  // bound: the broker's configuration · evicts: what the next configuration does not name · owner: ConfiguredIssuers
  #issuers: ReadonlyMap<string, Configured> = new Map<string, Configured>();
  /** Names that tables give to somebody. */
  // bound: the broker's configuration · evicts: what the next configuration does not name · owner: ConfiguredIssuers
  #listed: ReadonlySet<string> = new Set<string>();

  constructor(options: IssuersOptions) {
    this.#options = options;
    this.#bindings = new NameBindings(options.limits, options.clock);
  }

  /** From now on these are taken. Keys of those that stay as they were are kept, and so are all sessions. */
  set(issuers: readonly Issuer[]): void {
    const before = this.#issuers;
    this.#issuers = new Map(
      issuers.map((issuer) => {
        const known = before.get(issuer.name);
        const isSame = JSON.stringify(known?.issuer.keys) === JSON.stringify(issuer.keys);
        return [issuer.name, { issuer, source: isSame && known ? known.source : this.#sourceOf(issuer) }];
      }),
    );
    const kept = new Set([...this.#issuers.values()].map(({ source }) => source));
    for (const { source } of before.values()) if (!kept.has(source)) source.close();
    this.#listed = new Set(issuers.flatMap(({ agents }) => Object.values(agents).flat()));
  }

  /** Restores whose names are, and asks for the keys of all issuers, so that the first login need not wait. */
  load(table: Table<Binding>): void {
    this.#bindings.load(table);
    this.warm();
  }

  /** Gets and prepares keys: the very first takes 12 ms of a turn. What goes wrong is told by the log. */
  warm(): void {
    for (const { source } of this.#issuers.values())
      source
        .keys()
        .then((keys) => keys.prepare())
        .catch(() => undefined);
  }

  close(): void {
    for (const { source } of this.#issuers.values()) source.close();
  }

  /** True if only somebody of another issuer may have the name. */
  has(name: string): boolean {
    return this.#bindings.has(name) || this.#listed.has(name);
  }

  /** The names that belong to users, by what they look like. */
  get looks(): LookAlikes {
    return this.#bindings.looks;
  }

  /** Names that {@link has} knows. */
  get size(): number {
    return this.#bindings.size + this.#listed.size;
  }

  bearer(jwt: UnverifiedJwt, dialect: string): Promise<Credential> | undefined {
    const configured = jwt.issuer === undefined ? undefined : this.#issuers.get(jwt.issuer);
    return configured === undefined ? undefined : this.#credential(jwt, configured, dialect);
  }

  /** The names that belong to a subject of an issuer. */
  namesOf(issuer: string, subject: string): readonly string[] {
    return this.#bindings.namesOf(issuer, subject);
  }

  /**
   * Frees a name for whoever comes next. Resolves when that is on the disk. That it was proved is forgotten by
   * `Identity.forget`: until then nobody gets it by first use.
   * @returns the name, if it was somebody's
   * @throws Fault unavailable, as a rejection: it is taken again after a restart
   */
  async forget(name: string): Promise<readonly string[]> {
    const names = [name].filter((one) => this.#bindings.has(one));
    await this.#bindings.forget(names);
    return names;
  }

  async #credential(jwt: UnverifiedJwt, { issuer, source }: Configured, dialect: string): Promise<Credential> {
    if (!issuer.dialects.includes(dialect))
      throw new Fault(
        "forbidden",
        `tokens of ${issuer.name} are taken in ${issuer.dialects.join(", ")} and not in ${dialect}: ` +
          "use one of these, or a token of this broker",
      );
    const claims = await verifyOutside(jwt, issuer, source, { clock: this.#options.clock, turns: this.#turns });
    const claimed = claimedAgents(claims, issuer);
    const named = [...new Set([...(claimed ?? []), ...listedAgents(issuer, claims.subject)])];
    return {
      only: named.length === 1 ? named[0] : undefined,
      owner: ownerOf(issuer.name, claims.subject),
      speakFor: (agent, displayName) => this.#speakFor(agent, displayName, claims, claimed, issuer.name),
      viewer: () =>
        new Promise((resolve) => {
          resolve(provedBy(claims, this.#stillKnown(issuer.name), claims.subject, undefined));
        }),
    };
  }

  /**
   * The keys may have taken seconds, and a dialect takes its own time, too: what is configured now counts.
   * @throws Fault unauthenticated
   */
  #stillKnown(name: string): Issuer {
    const issuer = this.#issuers.get(name)?.issuer;
    if (issuer === undefined) throw refused("its issuer (iss) was taken out of the configuration (identityProviders)");
    return issuer;
  }

  async #speakFor(
    agent: string,
    displayName: string | undefined,
    claims: OutsideClaims,
    claimed: readonly string[] | undefined,
    issuedBy: string,
  ): Promise<Principal> {
    const { subject } = claims;
    const issuer = this.#stillKnown(issuedBy);
    const ground = grantOf(agent, claims, claimed, issuer, {
      names: this.#options.names,
      bindings: this.#bindings,
      isListed: (name) => this.#listed.has(name),
    });
    if (ground !== "table") await this.#bindings.bind(agent, { issuer: issuer.name, subject, ground });
    return provedBy(claims, issuer, agent, displayName);
  }

  #sourceOf(issuer: Issuer): KeySource {
    const { clock, limits, log } = this.#options;
    const read = (text: string): ReturnType<typeof readIssuerKeys> => {
      const keys = readIssuerKeys(issuer, text, clock.now());
      log("info", "the keys of an issuer are read", { issuer: issuer.name, keys: keys.count, ignored: keys.ignored });
      return keys;
    };
    const told = (problem: string | undefined): void => {
      if (problem === undefined) log("info", "the keys of an issuer are there again", { issuer: issuer.name });
      else log("warn", "the keys of an issuer cannot be had", { issuer: issuer.name, problem });
    };
    if (!isUrl(issuer.keys)) return new KeySourceFile({ issuer: issuer.name, path: issuer.keys.at, clock, read, told });
    const fetch = (signal: AbortSignal): ReturnType<typeof fetchIssuerKeys> => fetchIssuerKeys(issuer, clock, signal);
    return new KeySourceUrl({ issuer: issuer.name, clock, limits, fetch, read, told });
  }
}

function provedBy(claims: OutsideClaims, issuer: Issuer, agent: string, displayName: string | undefined): Principal {
  return principal(agent, "proved", {
    proof: ownerOf(issuer.name, claims.subject),
    expiresAt: claims.expiresAt,
    scopes: scopesOf(claims, issuer),
    ...(displayName !== undefined && { displayName }),
  });
}

/** The rights that the operator's mapping gives for a token; without one there are none. */
function scopesOf({ payload }: OutsideClaims, { scopes, scopesClaim }: Issuer): ReadonlySet<Scope> {
  const said = wordsOf(claimAt(payload, scopesClaim)) ?? [];
  return new Set(said.flatMap((value) => (Object.hasOwn(scopes, value) ? (scopes[value] ?? []) : [])));
}
