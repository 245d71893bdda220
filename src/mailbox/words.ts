/** So many messages, in words for people. */
export function messageCount(count: number): string {
  return count === 1 ? "1 message" : `${String(count)} messages`;
}

/** That so many messages wait, in words for people. */
export function messagesWait(count: number): string {
  return `${messageCount(count)} ${count === 1 ? "waits" : "wait"}`;
}
