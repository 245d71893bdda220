import { z } from "zod";
import { defaultLimits, Fault, shapeProblem, type Limits } from "../core/index.js";
import { openDoors } from "./open-doors.js";
import { brokerOptions, type BrokerConfig, type BrokerOptions } from "./options.js";
import { Problems } from "./problems.js";
import { similar } from "./similar.js";
import { sameDoors } from "./same-door.js";

/**
 * Checks options and fills in the defaults.
 * @param nameOf what the author of an option calls it: a flag, a variable, a line of a file
 * @param problems those found before, which are told with the ones found here
 * @throws Fault malformed or forbidden, naming every option that is wrong and the remedy, a line each
 */
export function readConfig(
  options: BrokerOptions,
  nameOf: (path: string) => string = (path) => `option ${path}`,
  problems = new Problems(),
): BrokerConfig {
  const parsed = brokerOptions.safeParse(options);
  if (!parsed.success) {
    for (const issue of parsed.error.issues.flatMap(oneByOne)) {
      const { path, problem } = shapeProblem(new z.ZodError([issue]), options);
      const remedy =
        issue.code === "unrecognized_keys" ? unknownKey(issue.keys[0] ?? "", issue.path[0] === "limits") : "";
      problems.note(new Fault("malformed", `${nameOf(path)}: ${problem}${remedy}`));
    }
    problems.refuse();
    throw parsed.error; // an error without an issue
  }
  const { limits, ...rest } = parsed.data;
  const config: BrokerConfig = { ...rest, limits: { ...defaultLimits, ...limits } satisfies Limits };
  if ((config.tlsCert === undefined) !== (config.tlsKey === undefined)) {
    const [given, missing] = config.tlsCert === undefined ? ["tlsKey", "tlsCert"] : ["tlsCert", "tlsKey"];
    problems.note(
      new Fault(
        "malformed",
        `${nameOf(given)} is given without ${nameOf(missing)}: --tls-cert and --tls-key belong together: give both, or neither`,
      ),
    );
  }
  for (const problem of sameDoors(config, nameOf)) problems.note(problem);
  for (const problem of openDoors(config)) problems.note(problem);
  problems.refuse();
  return config;
}

function unknownKey(key: string, isLimit: boolean): string {
  const meant = similar(key, Object.keys(isLimit ? defaultLimits : brokerOptions.shape));
  return meant === undefined ? "; broker config schema lists what there is" : `; did you mean ${meant}?`;
}

/** Keys that there are not come as one issue of an object. */
function oneByOne(issue: z.core.$ZodIssue): readonly z.core.$ZodIssue[] {
  return issue.code === "unrecognized_keys" ? issue.keys.map((key) => ({ ...issue, keys: [key] })) : [issue];
}
