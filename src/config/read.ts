import { z } from "zod";
import { Fault, shapeProblem, similar } from "../core/index.js";
import { repeatedDoors, unprotectedDoors } from "./door-rules.js";
import type { AnyDialect } from "../dialect/index.js";
import { impossibleMailboxes } from "./mailbox-rules.js";
import { catalogueOf, type BrokerConfig, type BrokerOptions, type OptionCatalogue } from "./options.js";
import { Problems } from "./problems.js";
import { impossibleProviders } from "./provider-rules.js";

/**
 * Checks options and fills in the defaults.
 * @param nameOf an option as its author wrote it: a flag, a variable, a key of the file
 * @param problems those that were found before; they are reported with the ones found here
 * @throws Fault malformed or forbidden, with a line for each wrong option and its remedy
 */
export function readConfig(
  options: BrokerOptions,
  nameOf: (path: string) => string = (path) => `option ${path}`,
  problems = new Problems(),
): BrokerConfig {
  const catalogue = catalogueOf(addedDialects(options));
  const parsed = catalogue.schema.safeParse(options);
  if (!parsed.success) {
    for (const issue of parsed.error.issues.flatMap(oneByOne)) {
      const { path, problem } = shapeProblem(new z.ZodError([issue]), options);
      const remedy =
        issue.code === "unrecognized_keys"
          ? unknownKey(issue.keys[0] ?? "", issue.path[0] === "limits", catalogue)
          : "";
      problems.note(new Fault("malformed", `${nameOf(path)}: ${problem}${remedy}`));
    }
    problems.throwIfAny();
    throw parsed.error; // zod gave an error without an issue
  }
  const config = configOf(parsed.data, catalogue);
  if ((config.tlsCert === undefined) !== (config.tlsKey === undefined)) {
    const [given, missing] = config.tlsCert === undefined ? ["tlsKey", "tlsCert"] : ["tlsCert", "tlsKey"];
    problems.note(
      new Fault(
        "malformed",
        `${nameOf(given)} is given without ${nameOf(missing)}: ` +
          "--tls-cert and --tls-key belong together: give both, or neither",
      ),
    );
  }
  for (const problem of impossibleMailboxes(config, nameOf)) problems.note(problem);
  for (const problem of impossibleProviders(config, nameOf)) problems.note(problem);
  for (const problem of repeatedDoors(config, nameOf)) problems.note(problem);
  for (const problem of unprotectedDoors(config)) problems.note(problem);
  problems.throwIfAny();
  return config;
}

/** The dialects among the options. @throws Fault malformed for a file that nobody has loaded */
function addedDialects({ dialects = [] }: BrokerOptions): readonly AnyDialect[] {
  if (!Array.isArray(dialects)) return []; // the schema refuses it
  return dialects.map((dialect: string | AnyDialect) => {
    if (typeof dialect !== "string") return dialect;
    throw new Fault("malformed", `the dialect ${dialect} is not loaded: import it, and give the dialect itself`);
  });
}

/** What the catalogue's schema has checked, as the broker reads it. */
function configOf(
  checked: Readonly<Record<string, unknown>>,
  { dialects, limits, groups }: OptionCatalogue,
): BrokerConfig {
  const own = Object.entries(checked).filter(([name]) => !groups.has(name));
  const settings = Object.entries(checked).filter(([name]) => groups.has(name) && name !== "limits");
  return {
    ...Object.fromEntries(own),
    limits: { ...limits, ...(checked["limits"] as object) },
    settings: Object.fromEntries(settings),
    dialects,
  } as BrokerConfig; // the schema has just checked each part
}

function unknownKey(key: string, isLimit: boolean, { limits, schema }: OptionCatalogue): string {
  const meant = similar(key, Object.keys(isLimit ? limits : schema.shape));
  return meant === undefined ? "; broker config schema lists what there is" : `; did you mean ${meant}?`;
}

/** zod reports all unknown keys of an object as one issue; this makes one issue of each. */
function oneByOne(issue: z.core.$ZodIssue): readonly z.core.$ZodIssue[] {
  return issue.code === "unrecognized_keys" ? issue.keys.map((key) => ({ ...issue, keys: [key] })) : [issue];
}
