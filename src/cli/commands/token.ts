import { InvalidArgumentError, type Command } from "commander";
import { defaultLimits, systemClock, type Scope } from "../../core/index.js";
import { DataDirectory, IdentityTokens, resolveDataDirectory, type TokenKind } from "../../services/index.js";
import type { BrokerChoice } from "../operator.js";
import { print, table, type Output } from "../output.js";

const scopes: readonly Scope[] = ["observe", "inspect", "proxy", "operate"];

interface Options extends BrokerChoice, Output {
  readonly zmq?: boolean;
  readonly pan?: boolean;
  readonly expires?: number;
  readonly scope?: readonly Scope[];
  readonly carries?: readonly string[];
}

/** `broker token AGENT`: tokens that prove the agent's name. A running broker takes them at once. */
export function tokenCommand(program: Command): void {
  program
    .command("token")
    .argument("<agent>", "the agent whose name they prove")
    .description("make tokens that prove an agent's name; they are shown once")
    .option("--zmq", "only the ZeroMQ token (PLAIN password)")
    .option("--pan", "only the WebSocket token")
    .option("--expires <time>", "valid for this long: 90s, 15m, 12h, 30d (default: for ever)", duration)
    .option("--scope <scope...>", `further rights: ${scopes.join(", ")}`, scopeList)
    .option("--carries <agent...>", "with scope proxy: the names it may carry")
    .action(async (agent: string, _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const tokens = await issue(agent, options);
      print(options, { agent, ...tokens }, () => table(Object.entries(tokens)));
    });
}

async function issue(agent: string, options: Options): Promise<Readonly<Record<string, string>>> {
  const data = new DataDirectory(resolveDataDirectory({ dataDir: options.dataDir }));
  data.prepare();
  const identity = new IdentityTokens({
    dataDirectory: data,
    clock: systemClock,
    limits: defaultLimits,
    reserved: [],
    damaged: (fault) => {
      throw fault;
    },
  });
  identity.load();
  const both = options.zmq !== true && options.pan !== true;
  const made: Record<string, string> = {};
  const kinds: readonly (readonly [string, TokenKind, boolean])[] = [["zmq", "zmq", both || options.zmq === true], ["pan", "ws", both || options.pan === true]];
  for (const [label, kind, wanted] of kinds) {
    if (!wanted) continue;
    made[label] = await identity.issue({
      kind,
      subject: agent,
      ...(options.expires !== undefined && { ttlMs: options.expires }),
      ...(options.scope !== undefined && { scopes: options.scope }),
      ...(options.carries !== undefined && { names: options.carries }),
    });
  }
  return made;
}

const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function duration(text: string): number {
  const parts = /^(\d+)([smhd])$/.exec(text);
  const ms = Number(parts?.[1]) * (unitMs[parts?.[2] ?? ""] ?? NaN);
  if (!(ms > 0)) throw new InvalidArgumentError("write a number and a unit: 90s, 15m, 12h, 30d");
  return ms;
}

function scopeList(word: string, before: readonly Scope[] | undefined): readonly Scope[] {
  const scope = scopes.find((known) => known === word);
  if (scope === undefined) throw new InvalidArgumentError(`a scope is one of ${scopes.join(", ")}`);
  return [...(before ?? []), scope];
}
