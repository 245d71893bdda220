import type { MailRow } from "./mail-row.js";
import type { SenderShare } from "./sender-shares.js";

/** Where an entry stands. */
export type EntryState = "waiting" | "leased" | "settled";

const states: readonly EntryState[] = ["waiting", "leased", "settled"];

/*
 * Five small numbers are the bits of one: there may be a million entries, and each field of its own takes eight bytes of
 * each. From the lowest bit on: state, priority, whether it waited, attempts, holders.
 */
const stateMask = 0b11;
const priorityShift = 2;
const waitedBit = 1 << 4;
const attemptsShift = 5;
const attemptsMax = 0xff;
const holdersShift = 13;
const holdersMax = 0xffff;

/** What is held in memory of a message that is not settled. */
export class Entry {
  readonly seq: number;
  readonly bytes: number;
  readonly share: SenderShare;
  /** Monotonic time at which its lease ends, or until which it rests after one. */
  until: number;
  #bits: number;

  constructor(
    { seq, bytes, priority, attempts }: Pick<MailRow, "seq" | "bytes" | "priority" | "attempts">,
    share: SenderShare,
    { waited, state = "waiting", until = 0 }: { waited: boolean; state?: EntryState; until?: number },
  ) {
    this.seq = seq;
    this.bytes = bytes;
    this.share = share;
    this.until = until;
    this.#bits = (priority << priorityShift) | (waited ? waitedBit : 0);
    this.attempts = attempts;
    this.state = state;
  }

  get state(): EntryState {
    return states[this.#bits & stateMask] ?? "settled";
  }

  set state(state: EntryState) {
    this.#bits = (this.#bits & ~stateMask) | states.indexOf(state);
  }

  get priority(): MailRow["priority"] {
    return ((this.#bits >> priorityShift) & 0b11) as MailRow["priority"]; // as it was given
  }

  /** Nobody was there for it when it came. */
  get waited(): boolean {
    return (this.#bits & waitedBit) !== 0;
  }

  /** How often it was handed out. */
  get attempts(): number {
    return (this.#bits >> attemptsShift) & attemptsMax;
  }

  set attempts(attempts: number) {
    const kept = Math.min(attempts, attemptsMax);
    this.#bits = (this.#bits & ~(attemptsMax << attemptsShift)) | (kept << attemptsShift);
  }

  /** Connections to which it was written and that have not proved to have read it. */
  get holders(): number {
    return (this.#bits >> holdersShift) & holdersMax;
  }

  set holders(holders: number) {
    this.#bits = (this.#bits & ~(holdersMax << holdersShift)) | (holders << holdersShift);
  }
}
