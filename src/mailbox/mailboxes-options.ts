import type { Clock, Exchange, FaultNotice, Limits, Log } from "../core/index.js";
import type { ConfiguredBox } from "./configured-boxes.js";
import type { MailboxEvent } from "./mail-events.js";
import type { MailStore } from "./mail-store.js";

/** The parts that `Mailboxes` works with. */
export interface MailboxesOptions {
  readonly store: MailStore;
  readonly exchange: Exchange;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly newId: () => string;
  readonly log: Log;
  /** Tells an agent what became of a request of its. */
  readonly tell: (agent: string, notice: FaultNotice) => void;
  /** True if all who can claim a name on ZeroMQ are on this machine. */
  readonly mayClaim: boolean;
  /** True if a name belongs to somebody who can prove it. */
  readonly isProtected: (name: string) => boolean;
  /** Boxes that are opened at the start. */
  readonly configured?: readonly ConfiguredBox[];
  /**
   * The memberships of a name outlive its connections from now on, or no more, or are for somebody else. Resolves when
   * what follows from that is on disk.
   */
  readonly reviewRooms?: (name: string) => Promise<void>;
  /** Hears who opens and closes boxes, and what is delivered again. */
  readonly witness?: (event: MailboxEvent) => void;
}
