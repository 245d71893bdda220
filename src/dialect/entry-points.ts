import { z } from "zod";
import { shapeProblem } from "../core/index.js";

/** The error text of a rule, with the value that breaks it. */
const rule = (words: string): { readonly error: (issue: { readonly input?: unknown }) => string } => ({
  error: ({ input }) => `${words}; it is ${JSON.stringify(input)}`,
});
const called = (value: unknown): boolean => typeof value === "function";
const options = z
  .custom<z.ZodObject>(
    (value) => typeof value === "object" && value !== null && "_zod" in value && "shape" in value,
    "must be what z.object (zod 4) makes",
  )
  .optional();
const data = z.looseObject({}).optional();

/** What a list of dialects holds, as it must be that comes from elsewhere (protocols §8.6). */
const shape = z.object({
  name: z
    .string()
    .max(40)
    .regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, rule("must be words of a-z 0-9 with - between them, a letter first")),
  title: z.string().min(1),
  paths: z
    .array(
      z
        .string()
        .max(100)
        .regex(/^(\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+$/, rule("must be written as /PATH")),
    )
    .max(16),
  subprotocols: z
    .array(
      z
        .string()
        .max(100)
        .regex(/^[\w!#$%&'*+.^`|~-]+$/, rule("must be a word without spaces and commas")),
    )
    .max(16),
  httpNotes: z.record(z.string(), z.string().max(500)).optional(),
  fallback: z.boolean(),
  seals: z.boolean().optional(),
  limits: options,
  settings: options,
  phrasebook: data,
  vocabulary: data,
  recognises: z.custom(called, "must be a function"),
  with: z.custom(called, "must be a function"),
});

/** Why a value is not what `defineDialect` makes, and which field is wrong; undefined if it is. */
export function dialectProblem(value: unknown): string | undefined {
  const { error } = shape.safeParse(value);
  if (error === undefined) return undefined;
  const { path, problem } = shapeProblem(error, value);
  return path === "" ? problem : `${path} ${problem}`;
}
