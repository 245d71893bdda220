/** What a line of the outbox asks to be sent. */
export interface Outgoing {
  /** `#channel` or `@agent-id`. */
  readonly to: string;
  readonly content: string;
  readonly inReplyTo?: string;
}

/** A MSG frame of that many bytes still fits the 64 KiB of a server with its id, time and signature. */
const maxFrameBytes = 64 * 1024 - 1_024;

/** Reads a line `{"to": "#channel" or "@agent-id", "content": "…", "in_reply_to"?: "…"}`; other fields are ignored. A string says what is wrong with it. */
export function readOutboxLine(bytes: Uint8Array): Outgoing | string {
  let line: unknown;
  try {
    line = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (thrown) {
    return thrown instanceof SyntaxError ? "this is not JSON" : "this is not UTF-8";
  }
  if (typeof line !== "object" || line === null || Array.isArray(line)) return 'this is no object {"to": …, "content": …}';
  const { to, content, in_reply_to: inReplyTo } = line as Readonly<Record<string, unknown>>;
  if (typeof to !== "string" || !/^[#@][^\n]{1,159}$/u.test(to)) return "to: it must be #channel or @agent-id, at most 160 characters";
  if (typeof content !== "string") return "content: it must be a string";
  if (inReplyTo !== undefined && (typeof inReplyTo !== "string" || inReplyTo === "" || inReplyTo.length > 256)) return "in_reply_to: it must be a message id of at most 256 characters";
  if (Buffer.byteLength(JSON.stringify({ to, content, inReplyTo })) > maxFrameBytes) return `it is too long: a message may have ${maxFrameBytes} bytes`;
  return { to, content, ...(inReplyTo !== undefined && { inReplyTo }) };
}

/** True for a line of nothing but space, which is nobody's message. */
export function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}
