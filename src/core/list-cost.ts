/** Items of a list that cost as much as one message. */
const itemsPerToken = 100;

/** What a list of so many items costs, in tokens: a long list costs more than a short one. */
export function listCost(items: number): number {
  return 1 + Math.floor(items / itemsPerToken);
}
