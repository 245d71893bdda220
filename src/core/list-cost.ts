/** Items of a list that cost as much as one message. */
const itemsPerToken = 100;
/** Bytes of past messages that cost as much as one item. */
const bytesPerItem = 640;

/** What a list of so many items costs, in tokens: a long list costs more than a short one. */
export function listCost(items: number): number {
  return 1 + Math.floor(items / itemsPerToken);
}

/** As how many items of a list past messages of so many bytes are paid for: 64,000 bytes cost as much as a message. */
export function itemsOfBytes(bytes: number): number {
  return Math.floor(bytes / bytesPerItem);
}
