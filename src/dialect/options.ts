import { z } from "zod";
import { Fault } from "../core/index.js";
import type { AnyDialect } from "./dialect.js";

/** A limit of a dialect: a number from 0 with its default, and what it bounds. The unit stands in its name. */
export function limit(value: number, bounds: string): z.ZodDefault<z.ZodNumber> {
  return z.number().min(0).default(value).describe(bounds);
}

/** The limits of dialects by name, each at its default. @throws Fault conflict if two dialects name one alike */
export function limitsOf(dialects: readonly Pick<AnyDialect, "name" | "limits">[]): Readonly<Record<string, number>> {
  const all: Record<string, number> = {};
  for (const { name, limits } of dialects) {
    for (const [key, value] of Object.entries(limits?.parse({}) ?? {})) {
      if (Object.hasOwn(all, key))
        throw new Fault("conflict", `the dialect ${name} names a limit ${key}, which there is already`);
      all[key] = Number(value);
    }
  }
  return all;
}

/** The settings of dialects by the dialect's name, each at its default. Dialects without settings are left out. */
export function settingsOf(
  dialects: readonly Pick<AnyDialect, "name" | "settings">[],
): Readonly<Record<string, object>> {
  return Object.fromEntries(
    dialects.flatMap(({ name, settings }) => (settings === undefined ? [] : [[name, settings.parse({})] as const])),
  );
}
