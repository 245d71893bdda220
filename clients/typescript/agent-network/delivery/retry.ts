/** How often a message is said at most without a receipt (Agent Network §12.2). */
export const triesMax = 8;

const firstMs = 5_000;
const longestMs = 5 * 60_000;

/** How long a receipt is waited for, milliseconds: 5 s, 10 s, 20 s … 5 min. @param before tries before this one */
export function waitMs(before: number): number {
  return Math.min(firstMs * 2 ** Math.min(before, triesMax), longestMs);
}
