import { costProblem, jsonShape, readJson } from "../core/index.js";
import type { Frame } from "./connection.js";

/**
 * True for a text frame that holds a JSON object, or several on lines of their own, whose first `type` is one of these.
 * It only looks: the dialect that is chosen reads the frame again, with care.
 */
export function hasType(frame: Frame, types: readonly string[]): boolean {
  if (typeof frame !== "string") return false;
  const end = frame.indexOf("\n");
  const type = typeOf(frame) ?? (end === -1 ? undefined : typeOf(frame.slice(0, end)));
  return type !== undefined && types.includes(type);
}

function typeOf(text: string): string | undefined {
  try {
    if (costProblem(jsonShape(text)) !== undefined) return undefined;
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string"
      ? value.type
      : undefined;
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return undefined;
    throw thrown;
  }
}

/** The fields of a text frame that is one JSON object with this `type`; undefined for every other frame. */
export function fieldsOfType(frame: Frame, type: string): Readonly<Record<string, unknown>> | undefined {
  const json = typeof frame === "string" ? readJson(frame) : undefined;
  if (json === undefined || "problem" in json || typeof json.value !== "object" || json.value === null)
    return undefined;
  const fields = json.value as Readonly<Record<string, unknown>>; // an object, just checked
  return fields["type"] === type ? fields : undefined;
}

/** A field that is a text. */
export function textField(fields: Readonly<Record<string, unknown>> | undefined, name: string): string | undefined {
  const value = fields?.[name];
  return typeof value === "string" ? value : undefined;
}
