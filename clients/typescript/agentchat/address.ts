/** The port of an AgentChat server (AgentChat §1.2). */
export const defaultPort = 6667;

/**
 * A server's address with its scheme: what has none is `HOST[:PORT][/PATH]`, over `ws://`, at the usual port if it names
 * none.
 */
export function wholeAddress(server: string): string {
  const [, host = "", path = ""] = /^([^/?#]*)(.*)$/s.exec(server) ?? [];
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(server) || host === "") return server;
  return `ws://${host}${/:\d+$/.test(host) ? "" : `:${defaultPort}`}${path}`;
}
