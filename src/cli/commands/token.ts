import { existsSync, statSync } from "node:fs";
import { InvalidArgumentError, type Command } from "commander";
import { asFault, defaultLimits, Fault, systemClock, type Scope } from "../../core/index.js";
import { appendAudit, auditedToken } from "../../ops/index.js";
import { DataDirectory, resolveDataDirectory } from "../../storage/index.js";
import { IdentityTokens, type TokenKind, type TokenListing } from "../../identity/index.js";
import type { BrokerChoice } from "../operator.js";
import { print, say, table, type Output } from "../output.js";

const scopes: readonly Scope[] = ["observe", "inspect", "proxy", "operate"];

interface Options extends BrokerChoice, Output {
  readonly zmq?: boolean;
  readonly pan?: boolean;
  readonly expires?: number;
  readonly scope?: readonly Scope[];
  readonly carries?: readonly string[];
  readonly create?: boolean;
}

/**
 * `broker token AGENT`: tokens that prove the agent's name. A running broker takes them at once, and cuts who speaks by
 * one that is revoked.
 */
export function tokenCommand(program: Command): void {
  const token = withIssueOptions(program.command("token"))
    .usage("[options] <agent> | list | revoke <id|agent> | issue <agent>")
    .description("make tokens that prove an agent's name, shown once; list them, revoke them")
    .helpCommand(false);
  withIssueOptions(token.command("issue")).description(
    "the same as broker token AGENT, for an agent whose name is list, revoke or issue",
  );
  token
    .command("list")
    .description("list the valid tokens: id, kind, agent, scopes, when issued and until when; never the token itself")
    .action((_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const rows = open(existing(options)).list().map(rowOf);
      print(options, rows, () =>
        rows.length === 0
          ? ""
          : table([
              head,
              ...rows.map(({ id, kind, agent, scopes: of, issued, expires }) => [
                id,
                kind,
                agent,
                of.join(",") || "-",
                issued,
                expires ?? "never",
              ]),
            ]),
      );
      if (rows.length === 0 && options.json !== true) say("There are no tokens.");
    });
  token
    .command("revoke")
    .argument("<id|agent>", "one token by its id (broker token list), or all of an agent")
    .description("take tokens back; a running broker cuts who speaks by them within a second")
    .action(async (idOrAgent: string, _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const data = existing(options);
      mustBeOwner(data);
      const revoked = await open(data).revoke(idOrAgent);
      if (revoked.length === 0)
        throw new Fault(
          "not-found",
          `there is no valid token with the id ${idOrAgent}, nor of an agent ${idOrAgent}; broker token list shows those there are`,
        );
      audit(data, "token.revoked", revoked);
      print(
        options,
        { revoked: revoked.length, tokens: revoked.map(rowOf) },
        () =>
          `revoked ${revoked.length}: ${revoked
            .map(rowOf)
            .map(({ id, kind, agent }) => `${id} (${kind}, ${agent})`)
            .join(", ")}`,
      );
    });
}

/** What issues a token takes, as `broker token` and as `broker token issue`. */
function withIssueOptions(command: Command): Command {
  return command
    .argument("<agent>", "the agent whose name they prove")
    .option("--zmq", "only the ZeroMQ token (PLAIN password)")
    .option("--pan", "only the WebSocket token")
    .option("--expires <time>", "valid for this long: 90s, 15m, 12h, 30d (default: for ever)", duration)
    .option("--scope <scope...>", `further rights: ${scopes.join(", ")}`, scopeList)
    .option("--carries <agent...>", "with scope proxy: the names it may carry")
    .option("--create", "make the data directory that was named, if there is none yet")
    .action(async (agent: string, _options: unknown, own: Command) => {
      const options = own.optsWithGlobals<Options>();
      const tokens = await issue(agent, options);
      print(options, { agent, ...tokens }, () => table(Object.entries(tokens)));
    });
}

async function issue(agent: string, options: Options): Promise<Readonly<Record<string, string>>> {
  if (options.carries !== undefined && options.scope?.includes("proxy") !== true) {
    throw new Fault(
      "malformed",
      `--carries ${options.carries.join(" ")} means nothing without the right to carry names: add --scope proxy, or leave --carries out`,
    );
  }
  const data = directory(options);
  mustExist(data, options);
  data.prepare();
  mustBeOwner(data);
  if (data.readEndpoints() === undefined)
    say(
      `broker: no broker runs on ${data.path}, for which these tokens are; if yours runs elsewhere, name its folder with --data-dir`,
    );
  const identity = open(data);
  identity.load();
  const both = options.zmq !== true && options.pan !== true;
  const made: Record<string, string> = {};
  const kinds: readonly (readonly [TokenKind, boolean])[] = [
    ["zmq", both || options.zmq === true],
    ["ws", both || options.pan === true],
  ];
  for (const [kind, wanted] of kinds) {
    if (!wanted) continue;
    const token = await identity.issue({
      kind,
      subject: agent,
      ...(options.expires !== undefined && { ttlMs: options.expires }),
      ...(options.scope !== undefined && { scopes: options.scope }),
      ...(options.carries !== undefined && { names: options.carries }),
    });
    made[words[kind]] = token;
    const listing = identity.listing(token);
    if (listing !== undefined) audit(data, "token.issued", [listing]);
  }
  return made;
}

function directory({ dataDir }: Options): DataDirectory {
  return new DataDirectory(resolveDataDirectory({ dataDir }));
}

/**
 * The usual directory is made for whoever comes before the first start; one that was named is not, since the name may
 * be mistyped.
 */
function mustExist(data: DataDirectory, { create }: Options): void {
  if (
    create === true ||
    existsSync(data.path) ||
    data.path === resolveDataDirectory({ env: { ...process.env, SYNAPTIC_DATA_DIR: "" } })
  )
    return;
  throw new Fault(
    "not-found",
    `there is no data directory ${data.path}: check --data-dir (or SYNAPTIC_DATA_DIR, or dataDir of the configuration), start its broker first, or say --create to make it now`,
  );
}

/** A directory in which there may be tokens. @throws Fault not-found, forbidden */
function existing(options: Options): DataDirectory {
  const data = directory(options);
  if (!existsSync(data.path))
    throw new Fault(
      "not-found",
      `there is no data directory ${data.path}, so there are no tokens; check --data-dir (or SYNAPTIC_DATA_DIR, or dataDir of the configuration)`,
    );
  data.prepare();
  return data;
}

/** Files that root writes for a broker of another user could not be read by it. @throws Fault forbidden */
function mustBeOwner(data: DataDirectory): void {
  const secret = statSync(data.file("operator-token"), { throwIfNoEntry: false }) ?? statSync(data.path);
  const own = process.getuid?.();
  if (own !== undefined && own !== secret.uid) {
    throw new Fault(
      "forbidden",
      `the broker of ${data.path} runs as another user and could not read what this one writes: run it as that user (sudo -u '#${secret.uid}' broker token …)`,
    );
  }
}

function open(data: DataDirectory): IdentityTokens {
  return new IdentityTokens({
    dataDirectory: data,
    clock: systemClock,
    limits: defaultLimits,
    reserved: [],
    damaged: (fault) => {
      throw fault;
    },
  });
}

/**
 * Written down beside a broker that may be running. The token is issued or revoked already: a log that cannot be
 * written is told, no more.
 */
function audit(data: DataDirectory, event: "token.issued" | "token.revoked", tokens: readonly TokenListing[]): void {
  try {
    appendAudit(
      data.file("audit.log"),
      tokens.map((token) => ({ event, uid: process.getuid?.(), ...auditedToken(token) })),
      systemClock.now(),
    );
  } catch (thrown) {
    say(`broker: this could not be written into the audit log: ${String(asFault(thrown).cause ?? thrown)}`);
  }
}

const head: readonly string[] = ["ID", "KIND", "AGENT", "SCOPES", "ISSUED", "EXPIRES"];

/** What the option that issues a kind is called, so that a token has one word wherever this command shows it. */
const words = { zmq: "zmq", ws: "pan" } as const satisfies Readonly<Record<TokenKind, string>>;

/** A token as it is listed. */
interface TokenRow {
  readonly id: string;
  readonly kind: (typeof words)[TokenKind];
  readonly agent: string;
  readonly scopes: readonly Scope[];
  /** For scope `proxy`: the names it may carry. */
  readonly carries?: readonly string[];
  readonly issued: string;
  /** null: never. */
  readonly expires: string | null;
}

function rowOf({ id, kind, subject, scopes: of, names, issuedAt, expiresAt }: TokenListing): TokenRow {
  return {
    id,
    kind: words[kind],
    agent: subject,
    scopes: of,
    ...(names !== undefined && { carries: names }),
    issued: isoOf(issuedAt),
    expires: expiresAt === undefined ? null : isoOf(expiresAt),
  };
}

/** The last moment that has a date (ECMA-262 §21.4.1.1): a file may hold later ones. */
const dateMaxMs = 8.64e15;

function isoOf(ms: number): string {
  return new Date(Math.min(ms, dateMaxMs)).toISOString();
}

const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A token may expire a hundred years from now at the latest; longer is for ever. */
const durationMaxMs = 36_525 * 86_400_000;

function duration(text: string): number {
  const parts = /^(\d+)([smhd])$/.exec(text);
  const ms = Number(parts?.[1]) * (unitMs[parts?.[2] ?? ""] ?? NaN);
  if (!(ms > 0)) throw new InvalidArgumentError("write a number and a unit: 90s, 15m, 12h, 30d");
  if (ms > durationMaxMs)
    throw new InvalidArgumentError(
      "a hundred years (36525d) is the most; leave --expires out for a token that is valid for ever",
    );
  return ms;
}

function scopeList(word: string, before: readonly Scope[] | undefined): readonly Scope[] {
  const scope = scopes.find((known) => known === word);
  if (scope === undefined) throw new InvalidArgumentError(`a scope is one of ${scopes.join(", ")}`);
  return [...(before ?? []), scope];
}
