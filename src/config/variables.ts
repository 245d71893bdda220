import type { AnyDialect } from "../dialect/index.js";

/**
 * The variable of an option by its path: `zmqIn` → `SYNAPTIC_ZMQ_IN`, `limits.wsPingMs` → `SYNAPTIC_LIMIT_WS_PING_MS`.
 */
export function variableOf(path: string): string {
  const [group = "", name] = path.split(".");
  if (name === undefined) return `SYNAPTIC_${upperSnakeCase(group)}`;
  return `SYNAPTIC_${group === "limits" ? "LIMIT" : upperSnakeCase(group)}_${upperSnakeCase(name)}`;
}

/** The variables of a dialect's settings. */
export function settingVariables({ name, settings }: Pick<AnyDialect, "name" | "settings">): readonly string[] {
  return Object.keys(settings?.shape ?? {}).map((setting) => variableOf(`${name}.${setting}`));
}

/** `wsPingMs` → `WS_PING_MS`, `my-dialect` → `MY_DIALECT`: shells know no variable with a hyphen. */
function upperSnakeCase(name: string): string {
  return name
    .replace(/[A-Z]/g, (letter) => `_${letter}`)
    .replaceAll("-", "_")
    .toUpperCase();
}
