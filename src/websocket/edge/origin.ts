import type { IncomingHttpHeaders } from "node:http";

/** The origin of pages that have none: files, sandboxed frames. */
export const noOrigin = "null";

/** Schemes whose hosts are names or addresses, with a usual port that is left out. */
const webSchemes: ReadonlySet<string> = new Set(["http", "https", "ws", "wss"]);

/**
 * An origin as it is compared: of an `Origin` header, or of an option. `scheme://` alone stands for every host of a
 * scheme that is not the web's, such as `vscode-webview`, where each view has a random one.
 * @returns undefined for what is no origin
 */
export function originOf(text: string): string | undefined {
  const trimmed = text.trim();
  if (trimmed.toLowerCase() === noOrigin) return noOrigin;
  const parts = /^([a-z][a-z0-9+.-]*):\/\/([^\s/?#]*)\/?$/i.exec(trimmed);
  const scheme = parts?.[1]?.toLowerCase();
  const host = parts?.[2] ?? "";
  if (scheme === undefined) return undefined;
  if (scheme === "file") return noOrigin;
  if (!webSchemes.has(scheme)) return `${scheme}://${host.toLowerCase()}`;
  return host !== "" && URL.canParse(trimmed) ? new URL(trimmed).origin : undefined;
}

/** The origin that allows all hosts of the same scheme. */
export function wholeScheme(origin: string): string {
  return origin.replace(/:\/\/.*$/s, "://");
}

/** True if an origin is that of a host, as a `Host` header names it: the usual port may be left out or not. */
export function isOriginOf(origin: string, host: string): boolean {
  const scheme = /^(\w+):\/\//.exec(origin)?.[1] ?? "";
  if (!webSchemes.has(scheme)) return false;
  const own = `${scheme}://${host}`;
  return URL.canParse(own) && new URL(own).host === new URL(origin).host;
}

/**
 * True for a client that is no browser and sends an `Origin` all the same, as some WebSocket libraries do: nothing that
 * a browser always says of itself is there. No page can make a browser leave it out.
 */
export function sendsOriginItself(headers: IncomingHttpHeaders): boolean {
  const { "user-agent": agent = "", "accept-language": language = "*", cookie } = headers;
  return (
    !/^\s*mozilla\//i.test(agent) &&
    language === "*" &&
    cookie === undefined &&
    headers["sec-fetch-site"] === undefined &&
    headers["sec-fetch-dest"] === undefined
  );
}
