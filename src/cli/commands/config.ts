import type { Command } from "commander";
import {
  accessRules,
  catalogueOf,
  configSchema,
  problemsOf,
  usualZmqDoors,
  type Layered,
  type Origin,
} from "../../config/index.js";
import { resolveDataDirectory } from "../../storage/index.js";
import { checkConfig, type Checked } from "../config-check.js";
import { exitCodes } from "../exit.js";
import { layersOf, runsDialects, withBrokerFlags, type BrokerFlags } from "../flags.js";
import { print, say, table, type Output } from "../output.js";

interface PrintOptions extends Output, BrokerFlags {
  readonly all?: true;
}

/** `broker config print | check | schema`: shows what a start with the same flags would do. */
export function configCommand(program: Command): void {
  const config = program
    .command("config")
    .description("show what a start would do: print its options, check them, describe the form of its file");

  withBrokerFlags(
    config
      .command("print")
      .description(
        "print every option with its value and its origin: a flag, a SYNAPTIC_… variable, the file, or the default; " +
          runsDialects,
      ),
  )
    .option("--all", "also print limits that have their defaults")
    .action(async (_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<PrintOptions>();
      const layered = await layersOf(options);
      const values = configValues(layered, options.all === true);
      const asJson = {
        file: layered.file ?? null,
        options: Object.fromEntries(
          values.map(({ option, value, origin, said }) => [
            option,
            { value: value ?? null, origin, ...(said !== undefined && { said }) },
          ]),
        ),
      };
      print(options, asJson, () =>
        table([
          ["OPTION", "VALUE", "FROM"],
          ...values.map(({ option, value, said }) => [option, cellOf(value), said ?? "default"]),
        ]),
      );
      if (options.all !== true && options.json !== true)
        say("limits that have their defaults are left out; --all shows them");
    });

  withBrokerFlags(
    config
      .command("check")
      .description(`check whether a start with these flags would be refused; exit code 0 or 2; ${runsDialects}`),
  ).action(async (_options: unknown, command: Command) => {
    const options = command.optsWithGlobals<Output & BrokerFlags>();
    const { problems, warnings } = await checked(options);
    const isRight = problems.length === 0;
    print(options, { ok: isRight, problems, warnings }, () => (isRight ? "ok" : ""));
    if (options.json !== true)
      for (const line of [...problems, ...warnings.map((warning) => `warning: ${warning}`)]) say(`broker: ${line}`);
    if (!isRight) process.exitCode = exitCodes.usage;
  });

  config
    .command("schema")
    .description("print the JSON Schema (draft 2020-12) of the configuration file")
    .action(() => {
      process.stdout.write(`${JSON.stringify(configSchema(), undefined, 2)}\n`);
    });
}

/** If the options cannot be read, these problems are the whole result. */
async function checked(flags: BrokerFlags): Promise<Checked> {
  let layered;
  try {
    layered = await layersOf(flags);
  } catch (thrown) {
    return { problems: problemsOf(thrown), warnings: [] };
  }
  return checkConfig(layered);
}

/** One option with the value that the broker would use. */
interface ConfigValue {
  /** `ws`, `agentchat.identity`, `limits.wsPingMs` */
  readonly option: string;
  /** Undefined: the option is not set and has no default. */
  readonly value: unknown;
  readonly origin: Origin;
  /** The flag, the variable or the key of the file that sets it; undefined for defaults. */
  readonly said: string | undefined;
}

/** Every option with its value and where it comes from. Limits with their defaults are left out, unless `all`. */
function configValues({ config, originOf, nameOf }: Layered, all: boolean): readonly ConfigValue[] {
  const { limits, settings } = config;
  const catalogue = catalogueOf();
  const dataDir = resolveDataDirectory({ dataDir: config.dataDir });
  const effective: Readonly<Record<string, unknown>> = {
    ...config,
    dataDir,
    zmqIn: config.zmqIn ?? usualZmqDoors.zmqIn(dataDir),
    zmqOut: config.zmqOut ?? usualZmqDoors.zmqOut(dataDir),
    trustedProxies: accessRules(config).trustedProxies,
    dialects: config.dialects.filter((dialect) => !catalogue.dialects.includes(dialect)).map(({ name }) => name),
  };
  const named = (option: string, value: unknown): ConfigValue => {
    const origin = originOf(option);
    return { option, value, origin, said: origin === "default" ? undefined : nameOf(option) };
  };
  return [
    ...Object.keys(catalogue.schema.shape)
      .filter((name) => name !== "log" && !catalogue.groups.has(name))
      .map((name) => named(name, effective[name])),
    ...Object.entries(settings).flatMap(([dialect, own]) =>
      Object.entries(own).map(([name, value]) => named(`${dialect}.${name}`, value)),
    ),
    ...Object.keys(limits)
      .map((name) => named(`limits.${name}`, limits[name]))
      .filter(({ origin }) => all || origin !== "default"),
  ];
}

/** A value as a cell of a table: lists and pairs in one line, a dash if there is none. */
function cellOf(value: unknown): string {
  if (value === undefined) return "-";
  if (Array.isArray(value))
    return value.length === 0
      ? "-"
      : value.map((one) => (typeof one === "string" ? one : JSON.stringify(one))).join("  ");
  if (typeof value === "string") return value;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const pairs = Object.entries(value).map(([name, one]) => `${name}=${String(one)}`);
  return pairs.length === 0 ? "-" : pairs.join("  ");
}
