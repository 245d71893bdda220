import type { Command } from "commander";
import { configSchema, problemsOf } from "../../config/index.js";
import { checkConfig, type Checked } from "../config-check.js";
import { cellOf, configValues } from "../config-values.js";
import { exitCodes } from "../exit.js";
import { layersOf, withBrokerFlags, type BrokerFlags } from "../flags.js";
import { print, say, table, type Output } from "../output.js";

interface PrintOptions extends Output, BrokerFlags {
  readonly all?: true;
}

/** `broker config print | check | schema`: what a start with the same flags would do. */
export function configCommand(program: Command): void {
  const config = program
    .command("config")
    .description("what a start would do: its options, whether they are right, the form of its file");

  withBrokerFlags(
    config
      .command("print")
      .description(
        "print every option with its value and who said it: a flag, a SYNAPTIC_… variable, the file, or nobody",
      ),
  )
    .option("--all", "limits that have their defaults, too")
    .action((_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<PrintOptions>();
      const layered = layersOf(options);
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
    config.command("check").description("look whether a start with these flags would be refused; exit code 0 or 2"),
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

/** Layers that cannot be read leave nothing else to check. */
async function checked(flags: BrokerFlags): Promise<Checked> {
  let layered;
  try {
    layered = layersOf(flags);
  } catch (thrown) {
    return { problems: problemsOf(thrown), warnings: [] };
  }
  return checkConfig(layered);
}
