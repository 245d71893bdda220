import type { MessageType, Trust } from "../core/index.js";

/** Where a stored message stands (protocols §9). `done` and what follows it in the list: it waits no longer. */
export const mailStates = ["waiting", "leased", "done", "answered", "refused", "expired", "dead"] as const;

/** One of {@link mailStates}. */
export type MailState = (typeof mailStates)[number];

/** One stored message, without its body. Times are wall clock, milliseconds. */
export interface MailRow {
  /** The box it is in. */
  readonly box: number;
  /** Its place in the order of arrival, from 1; a message that is delivered again keeps it. */
  readonly seq: number;
  /** 128 random bits, hex. */
  readonly secret: string;
  /** By which the sender's share and its repeats are known: its proof, or else its name. */
  readonly sender: string;
  readonly from: string;
  readonly messageId: string;
  readonly type: MessageType;
  /** 0 HIGH, 1 NORMAL, 2 LOW. */
  readonly priority: 0 | 1 | 2;
  readonly trust: Trust;
  readonly storedAt: number;
  /** Until when it is delivered. */
  readonly until: number;
  /** What it takes of the bounds: the bytes of its body and of its row. */
  readonly bytes: number;
  /** Of the body, base64url: tells a repeat from another message of the same id. */
  readonly digest: string;
  /** What its sender asked to be told: 1 stored, 2 settled, 3 both. */
  readonly receipt: 0 | 1 | 2 | 3;
  readonly state: MailState;
  /** Why it is refused, expired or dead. */
  readonly reason?: string;
  /** How often it was handed out, the present time included. */
  readonly attempts: number;
  /** How long the lease is, or the pause after a release; both begin anew when the broker starts. */
  readonly leaseMs?: number;
  /** When the row itself goes, if it is settled. */
  readonly goesAt?: number;
}

/** Messages of one box, counted exactly: `stored` is the sum of all others. */
export interface MailCounts {
  readonly stored: number;
  readonly waiting: number;
  readonly leased: number;
  readonly done: number;
  readonly answered: number;
  readonly refused: number;
  readonly expired: number;
  readonly dead: number;
  /** Bytes of what waits or is leased, and of what is dead. */
  readonly bytes: number;
  readonly deadBytes: number;
}

/** A copy of counts. Written out: with a spread it takes much longer. */
export function countsOf(counts: MailCounts): MailCounts {
  return {
    stored: counts.stored,
    waiting: counts.waiting,
    leased: counts.leased,
    done: counts.done,
    answered: counts.answered,
    refused: counts.refused,
    expired: counts.expired,
    dead: counts.dead,
    bytes: counts.bytes,
    deadBytes: counts.deadBytes,
  };
}

/** Counts of a box into which nothing has come. */
export const noCounts: MailCounts = {
  stored: 0,
  waiting: 0,
  leased: 0,
  done: 0,
  answered: 0,
  refused: 0,
  expired: 0,
  dead: 0,
  bytes: 0,
  deadBytes: 0,
};

/** One mailbox. */
export interface BoxRow {
  readonly id: number;
  readonly name: string;
  readonly mode: "push" | "take";
  /** How well its owner was proved when it was opened, and by what. */
  readonly trust: Trust;
  readonly proof?: string;
  /** Memberships in rooms outlive the owner's connection. */
  readonly rooms: boolean;
  readonly keepMs: number;
  readonly max: number;
  readonly maxBytes: number;
  readonly openedAt: number;
  /** When its owner was connected last; absent while it is, and before it ever was. */
  readonly awaySince?: number;
  /** The sequence of the next message. */
  readonly nextSeq: number;
  readonly counts: MailCounts;
}

/** What changes with the state of a message. */
export type MailMove = Pick<MailRow, "state"> & Partial<Pick<MailRow, "attempts" | "leaseMs" | "reason" | "goesAt">>;

/** The row of a message in another state: what belonged to the former one is left out. */
export function moved(row: MailRow, move: MailMove): MailRow {
  const { box, seq, secret, sender, from, messageId, type, priority, trust } = row;
  const { storedAt, until, bytes, digest, receipt, attempts } = row;
  const kept = { box, seq, secret, sender, from, messageId, type, priority, trust };
  return { ...kept, storedAt, until, bytes, digest, receipt, attempts, ...move };
}
