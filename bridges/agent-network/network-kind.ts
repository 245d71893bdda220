/** What the kinds of contents begin with that came from Agent Network whole. */
const prefix = "agent-network.";

/**
 * Types that are heard from the broker, or from whoever encrypted them, and from nobody else: no agent of another
 * dialect says them by a kind (Agent Network §4.2).
 */
const reserved: ReadonlySet<string> = new Set([
  "HANDSHAKE",
  "ENCRYPTED",
  "AUTH",
  "CONNECTED",
  "ACK",
  "HEARTBEAT",
  "PRESENCE",
  "ERROR",
  "DISCONNECT",
]);

/** A word that can be a type: no control characters, 256 characters at most. */
const word = /^[^\u0000-\u001f\u007f-\u009f]{1,256}$/;

/** Which type of Agent Network `content.data` holds, as `content.kind` says it (Agent Network §4.2). */
export const networkKind = {
  of: (type: string): string => `${prefix}${type}`,

  /** The type, be it one that can be heard or not; undefined for other kinds. */
  typeOf: (kind: string): string | undefined => (kind.startsWith(prefix) ? kind.slice(prefix.length) : undefined),

  /** The type of a content that an agent may hear under it. */
  heardAs(kind: unknown): string | undefined {
    const type = typeof kind === "string" ? networkKind.typeOf(kind) : undefined;
    return type === undefined || !word.test(type) || reserved.has(type.toUpperCase()) ? undefined : type;
  },
} as const;
