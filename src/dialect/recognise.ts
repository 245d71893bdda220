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
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string"
      ? value.type
      : undefined;
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return undefined;
    throw thrown;
  }
}
