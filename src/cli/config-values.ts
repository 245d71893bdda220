import { accessRules, brokerOptions, usualZmqDoors, type Layered, type Origin } from "../config/index.js";
import { defaultLimits, type Limits } from "../core/index.js";
import { resolveDataDirectory } from "../storage/index.js";

/** One option as the broker would have it. */
export interface ConfigValue {
  /** `ws`, `agentchat.identity`, `limits.wsPingMs` */
  readonly option: string;
  /** Undefined: nothing. */
  readonly value: unknown;
  readonly origin: Origin;
  /** The flag, the variable or the file's line that said it; undefined for defaults. */
  readonly said: string | undefined;
}

/** Every option with its value and who said it; of the limits only those that somebody set, unless `all`. */
export function configValues({ config, originOf, nameOf }: Layered, all: boolean): readonly ConfigValue[] {
  const { agentchat, limits } = config;
  const dataDir = resolveDataDirectory({ dataDir: config.dataDir });
  const effective: Readonly<Record<string, unknown>> = {
    ...config,
    dataDir,
    zmqIn: config.zmqIn ?? usualZmqDoors.zmqIn(dataDir),
    zmqOut: config.zmqOut ?? usualZmqDoors.zmqOut(dataDir),
    trustedProxies: accessRules(config).trustedProxies,
  };
  const named = (option: string, value: unknown): ConfigValue => {
    const origin = originOf(option);
    return { option, value, origin, said: origin === "default" ? undefined : nameOf(option) };
  };
  return [
    ...Object.keys(brokerOptions.shape)
      .filter((name) => !["log", "agentchat", "limits"].includes(name))
      .map((name) => named(name, effective[name])),
    ...Object.entries(agentchat).map(([name, value]) => named(`agentchat.${name}`, value)),
    ...(Object.keys(defaultLimits) as (keyof Limits)[])
      .map((name) => named(`limits.${name}`, limits[name]))
      .filter(({ origin }) => all || origin !== "default"),
  ];
}

/** A value as one cell: lists and pairs in one line, nothing as a dash. */
export function cellOf(value: unknown): string {
  if (value === undefined) return "-";
  if (Array.isArray(value)) return value.length === 0 ? "-" : value.join("  ");
  if (typeof value === "string") return value;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const pairs = Object.entries(value).map(([name, one]) => `${name}=${String(one)}`);
  return pairs.length === 0 ? "-" : pairs.join("  ");
}
