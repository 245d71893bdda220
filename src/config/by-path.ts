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
  const found = new Map<string, unknown>();
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    if ((name === "limits" || name === "agentchat") && typeof value === "object" && value !== null) {
      for (const [inner, one] of Object.entries(value as Readonly<Record<string, unknown>>)) found.set(`${name}.${inner}`, one);
    } else found.set(name, value);
  }
  return found;
}
