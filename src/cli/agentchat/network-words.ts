import { certificateRemedy } from "../../../clients/typescript/shared/certificate-remedy.js";
import { untrustedText } from "./harmless.js";

/** What a network says when there is no session to be had or it ends, in words for whoever typed the address. */

/** Where words are read: beside a shell, or inside `agentchat connect`, which connects again by itself. */
export type Place = "shell" | "console";

/** Close codes (RFC 6455 §7.4.1): a message too big, a policy. */
const [tooLong, refused] = ["1009", "1008"];

/**
 * Why the server at `url` was not reached; `typed` is the address as it was given. What the server said of it is
 * untrustedText.
 */
export function connectWords(url: string, typed: string, thrown: Error): string {
  const message = untrustedText(thrown.message);
  const why = untrustedText(reasonOf(thrown.cause));
  const words = `${message} ${why}`;
  const { host, pathname, protocol } = new URL(url);
  const status = /Unexpected server response: (\d+)/.exec(words)?.[1];
  if (/EPROTO|wrong version number/.test(words))
    return `${typed}: this server speaks no TLS: use ws://, or put a proxy with TLS before it`;
  if (status === "404" && pathname !== "/")
    return `${typed}: a server is there, but no AgentChat at ${pathname}; try ${protocol}//${host}`;
  if (status !== undefined)
    return `${typed}: a server is there, but it speaks no AgentChat (HTTP ${status}); is it the right port?`;
  if (words.includes("closed: 1008 AUTH_FAILED"))
    return `${typed}: that door speaks another protocol; the AgentChat path is /agentchat`;
  const port = portTried(typed);
  if (/ENOTFOUND|EAI_AGAIN/.test(words))
    return `${typed}: there is no host of this name; write the server as ws://HOST:PORT`;
  if (why === "") return `${typed}: ${message}${port}`;
  const remedy = thrown.cause instanceof Error ? certificateRemedy(thrown.cause) : undefined;
  return `cannot connect to ${typed}: ${why}${port}; ${remedy ?? "is the server running there? (agentchat serve starts one)"}`;
}

/** What the end of a connection means for what was asked, and what to do. @param message the library's, untrustedText */
export function closedWords(message: string, place: Place): string {
  const [, code, reason = ""] = /closed: (\d+) ?([^]*)$/.exec(message) ?? [];
  if (code === tooLong) return "the message is too long: 64 KiB at most with its envelope";
  if (code === refused) return `the server closed the connection by a rule of its own: ${code} ${reason}`.trim();
  if (message.startsWith("not connected"))
    return place === "console"
      ? "not connected now, so nothing was sent; type it again once this says connected again"
      : "the connection to the server was lost, and nothing was sent; see that the server runs, then try again";
  const lost = `the connection to the server was lost (${code === undefined ? "while writing" : `closed: ${code} ${reason}`.trim()}) before it had answered; whether this was done is not known`;
  return place === "console"
    ? `${lost}: look, before you type it again`
    : `${lost}: see that the server runs, and look before you try again`;
}

/** Whether it was the server's will that a connection ended, for what was said on it. */
export function isRefusal(message: string): boolean {
  const code = /closed: (\d+)/.exec(message)?.[1];
  return code === tooLong || code === refused;
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
