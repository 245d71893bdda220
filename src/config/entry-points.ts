import { Fault } from "../core/index.js";
import { dialectProblem, type AnyDialect } from "../dialect/index.js";
import { pagePaths } from "../ops/pages.js";
import { sdkPaths } from "../ops/sdk-page.js";
import { settingVariables, variableOf } from "./variables.js";

/**
 * Words that stand for something else where a dialect's name is written: the ways into the broker that are no dialect,
 * its own page requests, agents of programs. `proved` would make the broker's table `proved-names` the dialect's.
 */
const taken: readonly string[] = ["zmq", "local", "http", "own", "agent", "broker", "limit", "proved", "constructor"];
const ours: readonly string[] = [...pagePaths, ...sdkPaths];

/**
 * Refuses dialects that cannot answer beside each other, or would be taken for something of the broker's own (protocols
 * §8.6).
 * @param dialects in the order in which they are asked
 * @param optionNames the names of the broker's own options
 * @param fileOf the file that a dialect was loaded from, for the error text
 * @throws Fault malformed, with the dialect or its file and the remedy
 */
export function refuseUnfit(
  dialects: readonly AnyDialect[],
  optionNames: ReadonlySet<string>,
  fileOf: (dialect: AnyDialect) => string | undefined,
): void {
  const seen = new Set<string>([]);
  const variables = new Set([...optionNames].map(variableOf));
  let fallback: string | undefined;
  for (const dialect of dialects) {
    const file = fileOf(dialect);
    const where = file === undefined ? "" : `${file}: `;
    const problem = dialectProblem(dialect);
    if (problem !== undefined)
      throw new Fault("malformed", `${where}this is not what defineDialect (synaptic-core/dialect) makes: ${problem}`);
    const { name, paths, subprotocols } = dialect;
    const refuse = (why: string): never => {
      throw new Fault("malformed", `${where}${why}`);
    };
    if (optionNames.has(name)) refuse(`a dialect cannot be called ${name}: an option has that name; choose another`);
    if (taken.includes(name))
      refuse(`a dialect cannot be called ${name}: it means something else here; choose another`);
    for (const [what, value] of [
      ["name", name],
      ...paths.map((path) => ["path", path] as const),
      ...subprotocols.map((one) => ["subprotocol", one] as const),
    ] as const) {
      if (what === "path" && ours.includes(value))
        refuse(`the dialect ${name} has the path ${value}, where the broker shows a page; choose another`);
      const key = `${what} ${value}`;
      if (seen.has(key)) refuse(`two dialects have the ${key}; give one of them another`);
      seen.add(key);
    }
    if (dialect.fallback && fallback !== undefined)
      refuse(`the dialects ${fallback} and ${name} both have fallback: true; only ${fallback} can, leave it out`);
    if (dialect.fallback) fallback = name;
    for (const variable of settingVariables(dialect)) {
      if (variables.has(variable))
        refuse(`a setting of the dialect ${name} has the variable ${variable}, which there is already; rename it`);
      variables.add(variable);
    }
  }
}
