/** What can be wrong with what came, or did not come, from a peer (Agent Network §14.4). */
export const securityKinds = [
  "malformed",
  "bad-key",
  "bad-signature",
  "bad-tag",
  "key-changed",
  "downgrade",
  "used-ephemeral",
  "unbound-answer",
  "counter-reused",
  "gap",
  "replayed",
  "plain-from-pinned",
  "not-opened",
  "flood",
] as const;

/** One of {@link securityKinds}. */
export type SecurityKind = (typeof securityKinds)[number];

/** Something that the application's user should be able to see. It never holds content or keys. */
export interface SecurityEvent {
  readonly kind: SecurityKind;
  /** The agent in whose name it came, whoever sent it. */
  readonly peer: string;
  readonly conversationId?: string;
  readonly messageId?: string;
  /** What was wrong, and what to do. */
  readonly message: string;
  /** Of a key that has changed: what is pinned, and what was shown (Agent Network §10.1). */
  readonly fingerprints?: Fingerprints;
}

/** The fingerprint that is pinned, and the one that was shown instead. */
export interface Fingerprints {
  readonly pinned: string;
  readonly shown: string;
}

const tamper = "it was dropped; if this goes on, look at the broker and at whoever runs it";

/** What to do about each kind. */
const remedies: Readonly<Record<SecurityKind, string>> = {
  malformed: "it was dropped; the peer's program is to be mended",
  "bad-key": "it was refused; the peer's program is to be mended",
  "bad-signature": tamper,
  "bad-tag": "it was dropped; after three of them a new handshake is offered by itself",
  "key-changed":
    "compare the fingerprint with the agent's owner by another road, then accept it or keep the pinned one (acceptKey)",
  downgrade: "it was refused; if the agent went back to an old program on purpose, forget it and meet it anew",
  "used-ephemeral":
    "it was refused, as an old offer that is shown again would be; a new handshake is offered by itself",
  "unbound-answer": "it was refused, as an old answer that is shown again would be",
  "counter-reused": "it was refused; if the peer was restored from a backup while it ran, restart it",
  gap: "they were dropped on their way or are late; ask the peer to say them again",
  replayed: tamper,
  "plain-from-pinned": "it was refused; the agent seals what it says, so this is hardly from it",
  "not-opened": "it was dropped; a new handshake is offered by itself, and the peer seals it anew",
  flood: "it was dropped; the peer says too much at once",
};

/**
 * Security events, told and counted (Agent Network §14.4).
 */
export class SecurityEvents {
  readonly #counts: Record<SecurityKind, number>;

  /** @param onEvent is called at once for each; it must not throw, since it stands between a frame and its refusal */
  constructor(public onEvent: (event: SecurityEvent) => void = () => undefined) {
    this.#counts = Object.fromEntries(securityKinds.map((kind) => [kind, 0])) as Record<SecurityKind, number>;
  }

  /** Counts an event and tells it. */
  tell(event: SecurityEvent): void {
    this.#counts[event.kind] += 1;
    this.onEvent(event);
  }

  /** Tells what is wrong with a frame. `what` is a clause without its remedy, which is added. */
  tellOf(kind: SecurityKind, frame: FrameNames, what: string, fingerprints?: Fingerprints): void {
    const { senderId: peer, conversationId, messageId } = frame;
    const message = `${what}; ${remedies[kind]}`;
    this.tell({
      kind,
      peer,
      conversationId,
      ...(messageId === undefined ? {} : { messageId }),
      message,
      ...(fingerprints === undefined ? {} : { fingerprints }),
    });
  }

  /** How many of each kind there were so far. */
  counts(): Readonly<Record<SecurityKind, number>> {
    return { ...this.#counts };
  }
}

/** Which frame an event is about. */
export interface FrameNames {
  readonly senderId: string;
  readonly conversationId: string;
  readonly messageId?: string;
}
