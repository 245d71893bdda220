import { defaultLimits, Fault } from "../core/index.js";
import { nestedSpellings, spellings, variableOf, type Spelling } from "./spelling.js";
import { listOf, numberOf, pairsOf } from "./text-values.js";

/** Variables of ours that are no options of the broker. */
const others: ReadonlySet<string> = new Set(["SYNAPTIC_CONFIG", "SYNAPTIC_ROOT"]);

/** What the environment says, by path. Empty variables say nothing. @throws Fault malformed for a `SYNAPTIC_…` that is none of ours, or cannot be read */
export function readEnvironment(env: NodeJS.ProcessEnv): ReadonlyMap<string, unknown> {
  const byVariable = new Map<string, readonly [path: string, kind: Spelling["kind"] | "number"]>();
  for (const [name, { flag, kind }] of Object.entries(spellings)) if (flag !== undefined) byVariable.set(variableOf(name), [name, kind]);
  for (const [name, { kind }] of Object.entries(nestedSpellings)) byVariable.set(variableOf(`agentchat.${name}`), [`agentchat.${name}`, kind]);
  for (const name of Object.keys(defaultLimits)) byVariable.set(variableOf(`limits.${name}`), [`limits.${name}`, "number"]);
  const found = new Map<string, unknown>();
  for (const [variable, text] of Object.entries(env)) {
    if (!variable.startsWith("SYNAPTIC_") || others.has(variable) || text === undefined || text === "") continue;
    const known = byVariable.get(variable);
    if (known === undefined) throw new Fault("malformed", `${variable}: there is no such option; broker config print shows those there are`);
    const [path, kind] = known;
    found.set(path, valueOf(variable, text, kind));
  }
  return found;
}

function valueOf(variable: string, text: string, kind: Spelling["kind"] | "number"): unknown {
  switch (kind) {
    case "text":
      return text;
    case "list":
      return listOf(text);
    case "pairs":
      return pairsOf(variable, listOf(text));
    case "number":
      return numberOf(variable, text);
    case "switch": {
      const word = text.toLowerCase();
      if (["1", "true", "yes", "on"].includes(word)) return true;
      if (["0", "false", "no", "off"].includes(word)) return false;
      throw new Fault("malformed", `${variable}: must be true or false`);
    }
  }
}
