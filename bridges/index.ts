import type { AnyDialect } from "#dialect";

/** The dialects that a broker answers to. `echo` is template and fixture, not for production. */
export const dialects: readonly AnyDialect[] = [];
