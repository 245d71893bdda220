import type { BoxRow, MailCounts, MailRow } from "../../src/mailbox/index.js";

/** Counts of an empty box. */
export const noMail: MailCounts = {
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

/** A message of ada's that waits; what is told is different. */
export function mailRow(box: number, seq: number, told: Partial<MailRow> = {}): MailRow {
  return {
    box,
    seq,
    secret: `${box.toString(16).padStart(8, "0")}${seq.toString(16).padStart(24, "0")}`,
    sender: "proof:ada",
    from: "ada",
    messageId: `id-${String(box)}-${String(seq)}`,
    type: "request",
    priority: 1,
    trust: "proved",
    storedAt: 1_700_000_000_000 + seq,
    until: 1_700_600_000_000 + seq,
    bytes: 250,
    digest: "2jmj7l5rSw0yVb_vlWAYkK_YBwk2jmj7l5rSw0yVb_v",
    receipt: 0,
    state: "waiting",
    attempts: 0,
    ...told,
  };
}

/** An empty box in push mode; what is told is different. */
export function boxRow(id: number, told: Partial<BoxRow> = {}): BoxRow {
  return {
    id,
    name: `agent-${String(id)}`,
    mode: "push",
    trust: "proved",
    rooms: false,
    keepMs: 604_800_000,
    max: 1_000,
    maxBytes: 16_777_216,
    openedAt: 1_700_000_000_000,
    nextSeq: 1,
    counts: noMail,
    ...told,
  };
}
