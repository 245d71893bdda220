/** A word for what went wrong: a protocol's code, a system's, or the name of the error. */
export function errorCode(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  return "code" in thrown && typeof thrown.code === "string" ? thrown.code : thrown.name;
}

/** Why there is no connection, in the system's own words where it has some: `connect ECONNREFUSED 127.0.0.1:6667`. */
export function whyNot(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  return errorCode(thrown) === "CLOSED" ? bottomOf(thrown) : thrown.message;
}

function bottomOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  if (thrown.cause !== undefined) return bottomOf(thrown.cause);
  // One error per address that a name stands for; Node gives the whole no message.
  if (thrown instanceof AggregateError) return thrown.errors.map(bottomOf).join("; ");
  return thrown.message === "" ? errorCode(thrown) : thrown.message;
}
