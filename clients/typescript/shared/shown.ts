/** A wrong value in an error: short, whatever it is. */
export function shown(value: unknown): string {
  if (typeof value === "string")
    return value.length > 40 ? `(a text of ${value.length} characters)` : JSON.stringify(value);
  return typeof value === "object" && value !== null ? "an object" : String(value);
}
