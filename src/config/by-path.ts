import type { BrokerOptions } from "./options.js";

/** Options by path as the nested object that they are. */
export function nested(byPath: ReadonlyMap<string, unknown>): BrokerOptions {
  const options: Record<string, unknown> = {};
  for (const [path, value] of byPath) {
    const [group = "", name] = path.split(".");
    if (name === undefined) options[group] = value;
    else options[group] = { ...(options[group] as object | undefined), [name]: value };
  }
  return options; // checked by its schema before anybody uses it
}

/** The nested object by path: `limits` and `agentchat` one by one, all else whole. */
export function byPath(options: object): ReadonlyMap<string, unknown> {
  return new Map(
    Object.entries(options).flatMap(([name, value]: [string, unknown]): [string, unknown][] => {
      if (value === undefined) return [];
      if ((name !== "limits" && name !== "agentchat") || typeof value !== "object" || value === null)
        return [[name, value]];
      return Object.entries(value).map(([inner, one]: [string, unknown]) => [`${name}.${inner}`, one]);
    }),
  );
}
