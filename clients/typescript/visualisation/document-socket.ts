import { isFields } from "./fields.js";
import { bearerOf, subprotocol } from "./platform.js";

/** What the document gives a WebSocket beside its address. */
export interface DocumentOptions {
  readonly headers?: Readonly<Record<string, string>>;
}

/** As much of a browser's WebSocket as is looked at here. */
interface Sending {
  send(data: unknown): void;
}
type BrowserSocket = new (url: string, protocols?: string | readonly string[]) => Sending;

/** A WebSocket that takes what the document gives it, or subprotocols like any other. */
export type DocumentSocket = new (url: string, more?: string | readonly string[] | DocumentOptions) => Sending;

/**
 * A browser's WebSocket as the document's connect snippet uses it, with headers, which browsers do not send: the token
 * of `Authorization` goes along as a subprotocol (Visualisation §1.2), and of the handshake's capabilities only those
 * are said that `X-Requested-Protocols` names.
 */
export function documentSocket(Browser: BrowserSocket): DocumentSocket {
  return class WebSocket extends Browser {
    readonly #isBinaryWanted: boolean;

    /** @throws SyntaxError a token that no subprotocol can be */
    constructor(url: string, more?: string | readonly string[] | DocumentOptions) {
      const { token, requested } = headersIn(more);
      const bearer = token === undefined ? undefined : bearerOf(token);
      if (token !== undefined && bearer === undefined)
        throw new SyntaxError("this token cannot go along in a browser; say it in the handshake, as token");
      if (typeof more === "string" || Array.isArray(more)) super(url, more as string | readonly string[]);
      else super(url, bearer === undefined ? [subprotocol] : [subprotocol, bearer]);
      this.#isBinaryWanted = requested?.includes("binary") ?? true;
    }

    override send(data: unknown): void {
      super.send(this.#isBinaryWanted ? data : withoutBinary(data));
    }
  };
}

function headersIn(more: unknown): { readonly token?: string; readonly requested?: readonly string[] } {
  let token: string | undefined;
  let requested: readonly string[] | undefined;
  const headers = isFields(more) ? more["headers"] : undefined;
  for (const [name, value] of isFields(headers) ? Object.entries(headers) : []) {
    if (/^authorization$/i.test(name)) token = /^Bearer +(\S+)$/i.exec(String(value))?.[1];
    if (/^x-requested-protocols$/i.test(name)) requested = String(value).split(/ *, */);
  }
  return { ...(token !== undefined && { token }), ...(requested !== undefined && { requested }) };
}

/** A handshake that does not ask for the binary protocol; anything else as it is. */
function withoutBinary(data: unknown): unknown {
  if (typeof data !== "string") return data;
  try {
    const message: unknown = JSON.parse(data);
    if (!isFields(message) || message["type"] !== "handshake" || !Array.isArray(message["capabilities"])) return data;
    const capabilities = message["capabilities"].filter((each) => each !== "binary");
    return JSON.stringify({ ...message, capabilities });
  } catch {
    return data; // no JSON is nothing of ours
  }
}
