import type { z } from "zod";

/**
 * Fields that a message can do without, by name. `id`: a number counts as its text. `hint`: anything that makes no sense
 * is left out.
 */
export type SoftFields = Readonly<Record<string, "id" | "hint">>;

/**
 * Reads an object by its schema. Null in a field that may be absent counts as absent, and so does a value that makes no
 * sense in one of the soft fields (protocols §3.18); every other wrong field refuses the whole. What is right costs
 * nothing more: only what the schema refuses is looked at again.
 */
export function readSoftly<S extends z.ZodType>(
  schema: S,
  value: unknown,
  soft: SoftFields = {},
): z.ZodSafeParseResult<z.output<S>> {
  const strict = schema.safeParse(value);
  if (strict.success || typeof value !== "object" || value === null || Array.isArray(value)) return strict;
  return schema.safeParse(withoutNonsense(strict.error, value, soft));
}

/**
 * A copy of an object without its soft fields that a schema refuses, and without what is null there; numbers in the
 * place of ids are texts.
 * @param error what the schema says of the object
 */
export function withoutNonsense(error: z.ZodError, value: object, soft: SoftFields): Record<string, unknown> {
  const kept: Record<string, unknown> = { ...value };
  for (const { path } of error.issues) {
    const [key] = path;
    if (typeof key !== "string" || !Object.hasOwn(kept, key)) continue;
    const kind = Object.hasOwn(soft, key) ? soft[key] : undefined;
    if (kind === "id" && typeof kept[key] === "number" && Number.isFinite(kept[key])) kept[key] = String(kept[key]);
    else if (kind !== undefined || kept[key] === null) Reflect.deleteProperty(kept, key);
  }
  return kept;
}
