import { Fault, similar } from "../core/index.js";
import type { OptionCatalogue } from "./options.js";
import { Problems } from "./problems.js";
import { settingSpellings, spellings, valueOf, type Spelling } from "./spelling.js";
import { variableOf } from "./variables.js";

/** Variables of this program that do not set an option of the broker. */
const notOptions: ReadonlySet<string> = new Set([
  "SYNAPTIC_CONFIG",
  "SYNAPTIC_LOG_LEVEL",
  "SYNAPTIC_LOG_FORMAT",
  "SYNAPTIC_ROOT",
]);

/** The path and the kind of each variable's option. */
type Variables = ReadonlyMap<string, readonly [path: string, kind: Spelling["kind"]]>;

function variablesOf(catalogue: OptionCatalogue): Variables {
  const paths: readonly (readonly [path: string, kind: Spelling["kind"]])[] = [
    ...Object.entries(spellings).flatMap(([name, { flag, kind }]) =>
      flag === undefined ? [] : [[name, kind] as const],
    ),
    ...[...settingSpellings(catalogue)].map(([path, { kind }]) => [path, kind] as const),
    ...Object.keys(catalogue.limits).map((name) => [`limits.${name}`, "number"] as const),
  ];
  return new Map(paths.map((each) => [variableOf(each[0]), each]));
}

/**
 * Reads the options that the environment sets, by path. An empty variable sets nothing.
 * @throws Fault malformed, naming each `SYNAPTIC_…` variable that is unknown or has a wrong value
 */
export function readEnvironment(env: NodeJS.ProcessEnv, catalogue: OptionCatalogue): ReadonlyMap<string, unknown> {
  const variables = variablesOf(catalogue);
  const problems = new Problems();
  const found = Object.entries(env).flatMap(([variable, text]): [string, unknown][] => {
    if (!variable.startsWith("SYNAPTIC_") || notOptions.has(variable) || text === undefined || text === "") return [];
    return problems.attempt(() => [read(variable, text, variables)], []);
  });
  problems.throwIfAny();
  return new Map(found);
}

function hint(variable: string, variables: Variables): string {
  const names = [...variables.keys()];
  const meant = similar(variable, names) ?? similar(variable.replace("_LIMITS_", "_LIMIT_"), names);
  return meant === undefined ? "" : `; did you mean ${meant}?`;
}

function read(variable: string, text: string, variables: Variables): [path: string, value: unknown] {
  const known = variables.get(variable);
  if (known === undefined)
    throw new Fault(
      "malformed",
      `${variable}: there is no such option${hint(variable, variables)}; ` +
        "a variable is SYNAPTIC_ and the option's name, as SYNAPTIC_TLS_CERT or SYNAPTIC_LIMIT_WS_PING_MS",
    );
  const [path, kind] = known;
  return [path, valueOf(variable, text, kind)];
}
