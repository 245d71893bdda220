import { randomUUID } from "node:crypto";

/**
 * Makes ids that no other broker makes: 48 random bits, the same for all ids of this start, then a count. A UUID for
 * each would cost five times as much.
 */
export function idSource(): () => string {
  const start = randomUUID().slice(-12);
  let count = 0;
  return () => `${start}-${(count += 1).toString(36)}`;
}
