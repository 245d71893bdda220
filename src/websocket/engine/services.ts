import { Fault } from "../../core/index.js";
import type { Services } from "../../dialect/index.js";
import type { Tables } from "../../storage/index.js";

/** The services as one dialect has them: what it names is its own. */
export function servicesOf(dialect: string, services: Omit<Services, "once">): Services {
  // bound: what the dialect names, a few · evicts: nothing · owner: the dialect's engine
  const made = new Map<string, unknown>();
  const own: Services = {
    ...services,
    tables: tablesOf(dialect, services.tables),
    once: <T>(name: string, make: (services: Services) => T): T => {
      if (!made.has(name)) made.set(name, make(own));
      return made.get(name) as T; // whoever names it decides what it is
    },
  };
  return own;
}

/** The name of a table, and of a dialect: no hyphen at an end, no two beside each other. */
const words = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

/** Only the broker opens and closes the file. */
function tablesOf(dialect: string, tables: Tables): Tables {
  return {
    table<V>(name: string) {
      if (!words.test(name))
        throw new Fault("malformed", `a table is called by words of a-z 0-9 with - between them, not ${name}`);
      return tables.table<V>(tableName(dialect, name));
    },
    close: () => Promise.resolve(),
  };
}

/**
 * The table's name on disk. The hyphens of the dialect are doubled, so the first single one ends its name, and
 * `chat-v2` with a table `seen` does not get the table `v2-seen` of `chat`.
 */
export function tableName(dialect: string, table: string): string {
  return `${dialect.replaceAll("-", "--")}-${table}`;
}
