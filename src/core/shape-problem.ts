import type { z } from "zod";

type Issue = z.core.$ZodIssue;

/** The words for each type of a schema. */
const kinds: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "an object",
  record: "an object",
};

/**
 * What is wrong with a value, in words for its author: `channel: is missing; it is text`. The path is empty if the
 * whole value is wrong.
 * @param value what was checked
 */
export function shapeProblem(error: z.ZodError, value: unknown): { readonly path: string; readonly problem: string } {
  const [issue] = error.issues;
  if (issue === undefined) return { path: "", problem: "is not understood" };
  const path = issue.code === "unrecognized_keys" ? [...issue.path, issue.keys[0] ?? ""] : issue.path;
  return { path: path.join("."), problem: problemOf(issue, at(value, path)) };
}

/** {@link shapeProblem} in one text. */
export function shapeProblemText(error: z.ZodError, value: unknown): string {
  const { path, problem } = shapeProblem(error, value);
  return path === "" ? problem : `${path}: ${problem}`;
}

function problemOf(issue: Issue, value: unknown): string {
  switch (issue.code) {
    case "invalid_type": {
      const kind = kinds[issue.expected] ?? issue.expected;
      return value === undefined ? `is missing; it is ${kind}` : `must be ${kind}`;
    }
    case "too_small":
      return issue.origin === "string" && issue.minimum === 1
        ? "must not be empty"
        : `must be ${boundOf(issue.origin, issue.minimum, issue.inclusive === false ? "more than" : "at least")}`;
    case "too_big":
      return `must be ${boundOf(issue.origin, issue.maximum, issue.inclusive === false ? "less than" : "at most")}`;
    case "invalid_value":
      return `must be ${issue.values.length === 1 ? "" : "one of "}${issue.values.map(shown).join(", ")}`;
    case "unrecognized_keys":
      return "there is nothing of this name";
    case "invalid_format":
      return issue.message.startsWith("Invalid") ? "does not have the form that it needs" : issue.message;
    case "custom":
    case "invalid_element":
    case "invalid_key":
    case "invalid_union":
    case "not_multiple_of":
      return issue.message;
  }
}

function shown(value: z.core.util.Primitive): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function boundOf(origin: string, bound: number | bigint, relation: string): string {
  if (origin === "string") return `${relation} ${bound} characters long`;
  return origin === "array" || origin === "set" ? `${relation} ${bound} items long` : `${relation} ${bound}`;
}

function at(value: unknown, path: readonly PropertyKey[]): unknown {
  let found = value;
  for (const key of path)
    found =
      typeof found === "object" && found !== null ? (found as Readonly<Record<PropertyKey, unknown>>)[key] : undefined;
  return found;
}
