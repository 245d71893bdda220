/** What a network says when there is no session to be had, in words for whoever typed the address. */

/** Why the server at `url` was not reached; `typed` is the address as it was given. */
export function connectWords(url: string, typed: string, thrown: Error): string {
  const { cause, message } = thrown;
  const why = reasonOf(cause);
  const words = `${message} ${why}`;
  const { host, pathname, protocol } = new URL(url);
  const status = /Unexpected server response: (\d+)/.exec(words)?.[1];
  if (/EPROTO|wrong version number/.test(words)) return `${typed}: this server speaks no TLS: use ws://, or put a proxy with TLS before it`;
  if (status === "404" && pathname !== "/") return `${typed}: a server is there, but no AgentChat at ${pathname}; try ${protocol}//${host}`;
  if (status !== undefined) return `${typed}: a server is there, but it speaks no AgentChat (HTTP ${status}); is it the right port?`;
  if (words.includes('closed: 1008 AUTH_FAILED')) return `${typed}: that door speaks another protocol; the AgentChat path is /agentchat`;
  const port = portTried(typed);
  if (/ENOTFOUND|EAI_AGAIN/.test(words)) return `${typed}: there is no host of this name; write the server as ws://HOST:PORT`;
  if (why === "") return `${typed}: ${message}${port}`;
  return `cannot connect to ${typed}: ${why}${port}; is the server running there? (agentchat serve starts one)`;
}

/** What the end of a connection means, where its code tells what to do; undefined where it does not. */
export function closedWords(message: string): string | undefined {
  return /closed: 1009\b/.test(message) ? "the message is too long: 64 KiB at most with its envelope" : undefined;
}

/** Several addresses of one name fail with one error each, and no message. */
function reasonOf(cause: unknown): string {
  if (cause instanceof AggregateError && cause.message === "") return reasonOf((cause.errors as readonly unknown[])[0]);
  return cause instanceof Error ? cause.message.trim() : "";
}

function portTried(typed: string): string {
  const [, scheme] = /^(wss?):\/\/(?:\[[^\]]*\]|[^/:?#]+)(?:[/?#]|$)/i.exec(typed) ?? [];
  return scheme === undefined ? "" : `; no port was given, so ${scheme.toLowerCase() === "wss" ? 443 : 80} was tried`;
}
