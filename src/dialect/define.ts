import type { Dialect } from "./dialect.js";

/** What a door must know of a dialect: where it answers. */
export interface Door {
  /** Its name in the directory, in logs and counters. */
  readonly name: string;
  readonly paths: readonly string[];
  readonly subprotocols: readonly string[];
}

/** What somebody does with a dialect whatever its commands, events and state are. */
export type DialectUse<R> = <C extends { readonly type: string }, Event, State>(dialect: Dialect<C, Event, State>) => R;

/** A dialect whose types are its own business, as lists of dialects hold it. Made by {@link defineDialect} only. */
export interface AnyDialect extends Door {
  readonly firstTypes: readonly string[];
  readonly fallback: boolean;
  /** Calls `use` with the dialect and its types. */
  with<R>(use: DialectUse<R>): R;
}

/** Makes a dialect ready for `bridges/index.ts`; the compiler checks here that nothing of it is missing. */
export function defineDialect<C extends { readonly type: string }, Event, State>(
  dialect: Dialect<C, Event, State>,
): AnyDialect {
  const { name, paths, subprotocols, firstTypes, fallback = false } = dialect;
  return { name, paths, subprotocols, firstTypes, fallback, with: (use) => use(dialect) };
}
