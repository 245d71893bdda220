import { existsSync, statSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { InvalidArgumentError, Option, type Command } from "commander";
import { allScopes, asFault, defaultLimits, Fault, systemClock, type Scope } from "../../core/index.js";
import { appendAudit, auditedToken } from "../../ops/index.js";
import { DataDirectory, resolveDataDirectory } from "../../storage/index.js";
import { IdentityTokens, refreshMs, type TokenKind, type TokenListing } from "../../identity/index.js";
import type { BrokerChoice } from "../operator.js";
import { print, say, table, type Output } from "../output.js";
import { duration } from "../quantities.js";

interface Options extends BrokerChoice, Output {
  readonly zmq?: boolean;
  readonly pan?: boolean;
  readonly jwt?: boolean;
  readonly expires?: number;
  readonly scope?: readonly Scope[];
  readonly carries?: readonly string[];
  readonly create?: boolean;
}

/**
 * `broker token AGENT`: makes tokens that prove the agent's name. A running broker accepts them when the command
 * returns, and cuts connections whose token is revoked.
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
    .description("take tokens back; a running broker cuts the connections that use them within a second")
    .action(async (idOrAgent: string, _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const data = existing(options);
      mustBeOwner(data);
      const revoked = await open(data).revoke(idOrAgent);
      if (revoked.length === 0)
        throw new Fault(
          "not-found",
          `there is no valid token with the id ${idOrAgent}, nor of an agent ${idOrAgent}; ` +
            "broker token list shows all valid tokens",
        );
      audit(data, "token.revoked", revoked);
      await untilRead(data);
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

/** Adds the options and the action of `broker token` and of `broker token issue`, which do the same. */
function withIssueOptions(command: Command): Command {
  return command
    .argument("<agent>", "the agent whose name they prove")
    .option("--zmq", "only the ZeroMQ token (PLAIN password)")
    .option("--pan", "only the WebSocket token")
    .option("--jwt", "only the JWT, for WebSocket, too")
    .option("--expires <time>", "valid for this long: 90s, 15m, 12h, 30d (default: for ever, a JWT 30d)", validity)
    .addOption(new Option("--scope <scope...>", "further rights; none implies another").choices(allScopes))
    .option("--carries <agent...>", "with scope proxy: the names it may carry")
    .option("--create", "make the data directory if it does not exist")
    .action(async (agent: string, _options: unknown, own: Command) => {
      const options = own.optsWithGlobals<Options>();
      const tokens = await issue(agent, options);
      const rows = Object.entries(tokens);
      // One kind alone is for a script: nothing stands beside it.
      const [only, more] = rows;
      print(options, { agent, ...tokens }, () => (only !== undefined && more === undefined ? only[1] : table(rows)));
      if (more !== undefined && options.json !== true) say(whereTokensGo(agent, Object.keys(tokens)));
    });
}

/** A token that is good as long as a command needs it. */
export interface LentToken {
  readonly token: string;
  /** Takes it back. */
  end(): Promise<void>;
}

/**
 * A JWT of an agent's for a command of this machine, by the data directory.
 * @param ttlMs its end, whatever becomes of the command, milliseconds
 * @throws Fault malformed, forbidden, not-found, with the remedy
 */
export async function lendToken(agent: string, choice: BrokerChoice, ttlMs: number): Promise<LentToken> {
  const data = existing(choice);
  const { jwt: token = "" } = await issue(agent, { ...choice, jwt: true, expires: ttlMs });
  const id = open(data).listing(token)?.id;
  return {
    token,
    async end() {
      if (id !== undefined) audit(data, "token.revoked", await open(data).revoke(id));
    },
  };
}

/** What to do with the tokens, for people. */
function whereTokensGo(agent: string, made: readonly string[]): string {
  const places: Readonly<Record<string, string>> = {
    zmq: `zmq: plain_password of both ZeroMQ sockets (plain_username ${agent}), or token in the SDKs.`,
    pan: "pan: token of auth, and wherever else a WebSocket dialect takes a token.",
    jwt: "jwt: the same, where a JWT is wanted; broker token list says until when it is valid.",
  };
  const shown = `They are shown only now. Whoever uses the name ${agent} without one is refused from now on.`;
  return [...made.map((kind) => places[kind]), shown].join("\n");
}

async function issue(agent: string, options: Options): Promise<Readonly<Record<string, string>>> {
  if (options.carries !== undefined && options.scope?.includes("proxy") !== true) {
    throw new Fault(
      "malformed",
      `--carries ${options.carries.join(" ")} means nothing without the right to carry names: ` +
        "add --scope proxy, or leave --carries out",
    );
  }
  const data = directory(options);
  mustExist(data, options);
  data.prepare();
  mustBeOwner(data);
  if (!runs(data))
    say(
      `broker: no broker runs on ${data.path}, and these tokens are for that folder; ` +
        "if your broker uses another one, name it with --data-dir",
    );
  const identity = open(data);
  identity.load();
  const made: Record<string, string> = {};
  const wanted = kinds.filter((kind) => options[words[kind]] === true);
  for (const kind of wanted.length > 0 ? wanted : kinds) {
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
  await untilRead(data);
  return made;
}

/** Waits until a broker that runs has read the token file: what this command tells holds when it has told it. */
async function untilRead(data: DataDirectory): Promise<void> {
  if (mayRun(data)) await pause(refreshMs);
}

/** False if no broker has the folder. What cannot be read may tell of one. */
function mayRun(data: DataDirectory): boolean {
  try {
    return data.holder() !== undefined;
  } catch {
    return true; // told before the token was made, or by the next command that needs the broker
  }
}

/** True if a broker uses the folder, also one whose files are damaged, which is told: tokens are made all the same. */
function runs(data: DataDirectory): boolean {
  try {
    return data.readEndpoints() !== undefined;
  } catch (thrown) {
    say(`broker: ${asFault(thrown).message}`);
    return true;
  }
}

function directory({ dataDir }: Options): DataDirectory {
  return new DataDirectory(resolveDataDirectory({ dataDir }));
}

/**
 * The default directory is made if it does not exist, so that tokens can be issued before the first start. A directory
 * that was named is not made, because its name may be mistyped.
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
    `there is no data directory ${data.path}: ` +
      "check --data-dir (or SYNAPTIC_DATA_DIR, or dataDir of the configuration), " +
      "start its broker first, or say --create to make it now",
  );
}

/** The data directory, which must exist. @throws Fault not-found, forbidden */
function existing(options: Options): DataDirectory {
  const data = directory(options);
  if (!existsSync(data.path))
    throw new Fault(
      "not-found",
      `there is no data directory ${data.path}, so there are no tokens; ` +
        "check --data-dir (or SYNAPTIC_DATA_DIR, or dataDir of the configuration)",
    );
  data.prepare();
  return data;
}

/** Refuses to write files that the broker could not read because it runs as another user. @throws Fault forbidden */
function mustBeOwner(data: DataDirectory): void {
  const secret = statSync(data.file("operator-token"), { throwIfNoEntry: false }) ?? statSync(data.path);
  const own = process.getuid?.();
  if (own !== undefined && own !== secret.uid) {
    throw new Fault(
      "forbidden",
      `the broker of ${data.path} runs as another user and could not read what this one writes: ` +
        `run it as that user (sudo -u '#${secret.uid}' broker token …)`,
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
 * Writes into the audit log; a running broker may write there at the same time. The token is already issued or revoked,
 * so a log that cannot be written is only reported.
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

const kinds: readonly TokenKind[] = ["zmq", "ws", "jwt"];

/** The name of each kind of token, the same as the option that issues it. */
const words = { zmq: "zmq", ws: "pan", jwt: "jwt" } as const satisfies Readonly<Record<TokenKind, string>>;

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

/** The last moment that a Date can hold (ECMA-262 §21.4.1.1); a file may contain later ones. */
const dateMaxMs = 8.64e15;

function isoOf(ms: number): string {
  return new Date(Math.min(ms, dateMaxMs)).toISOString();
}

/** The longest validity of a token: a hundred years. */
const durationMaxMs = 36_525 * 86_400_000;

function validity(text: string): number {
  const ms = duration(text);
  if (ms > durationMaxMs)
    throw new InvalidArgumentError(
      "a hundred years (36525d) is the most; leave --expires out for a token that is valid for ever",
    );
  return ms;
}
