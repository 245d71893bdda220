/** The reasons of the ledger under which a connection was not let in, or only to be told so. */
const exact: ReadonlySet<string> = new Set([
  "zmtp-turned-away",
  "zmtp-full",
  "zmtp-too-old",
  "zmtp-mechanism",
  "zmtp-not-zmtp",
  "zmtp-handshake-timeout",
  "ws-unknown-path",
  "ws-connections-full",
  "ws-half-open-full",
  "ws-address-hasty",
]);
const refused = /^(?:zmtp-refused-[a-z-]+|ws-[a-z-]+-(?:refused|full))$/;
/** Said of connections that were let in. */
const letIn: ReadonlySet<string> = new Set(["ws-pre-login-full"]);

/** Which door a reason of the ledger closed; undefined if it is about something else than a refused connection. */
export function refusedAt(reason: string): "zeromq" | "websocket" | undefined {
  if (letIn.has(reason) || !(exact.has(reason) || refused.test(reason))) return undefined;
  return reason.startsWith("ws-") ? "websocket" : "zeromq";
}
