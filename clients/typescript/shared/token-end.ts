const marginMaxMs = 60_000;
const leastMs = 1_000;
/** A token that has ended by this machine's clock, and with which the broker is content: one of the clocks is wrong. */
const wrongClockMs = 30_000;

/** When a JWT ends, milliseconds since 1970; undefined for an opaque token. It is read, not verified: the broker does. */
export function endOf(token: string): number | undefined {
  const parts = token.split(".");
  const [, payload] = parts;
  if (parts.length !== 3 || payload === undefined) return undefined;
  try {
    const claims: unknown = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
    const exp = typeof claims === "object" && claims !== null && "exp" in claims ? claims.exp : undefined;
    return typeof exp === "number" ? exp * 1_000 : undefined;
  } catch {
    return undefined; // three parts with points, but no JWT
  }
}

/**
 * In how many milliseconds the next token is to be fetched: a minute before the end of this one, or when two thirds of
 * what is left are over. Undefined: this one does not end.
 */
export function renewalMs(token: string, now: number): number | undefined {
  const end = endOf(token);
  if (end === undefined) return undefined;
  const left = end - now;
  if (left <= 0) return wrongClockMs;
  return Math.max(left - Math.min(marginMaxMs, left / 3), leastMs);
}
