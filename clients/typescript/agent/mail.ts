import { isExpired, type Envelope } from "../../../src/core/index.js";
import type { MailState } from "./mail-answers.js";
import { hourMs, takeSettings, whole, type TakeSettings } from "./mailbox-settings.js";
import type { Verdict } from "./settlements.js";
import type { Held, Taking } from "./taking.js";

/** What `agent.mail()` takes; times in milliseconds. */
export interface MailOptions {
  /** Messages that are taken at once; 10 if absent. */
  readonly max?: number;
  /** The iteration ends when none comes for so long; it goes on for ever if absent. */
  readonly waitMs?: number;
  /** For how long each is leased, from when it is taken; 120,000 if absent. */
  readonly leaseMs?: number;
  /** About so many tokens come at once at most. */
  readonly maxTokens?: number;
}

/**
 * A message out of the mailbox, and what becomes of it: without a word it comes again when its lease is over. A request
 * is settled by `agent.respond(mail, …)` as well. Each call resolves to where the message stands then, and is refused
 * (Fault) as forbidden, not-found, going-away, or malformed.
 */
export interface Mail extends Envelope {
  /** How often it was handed out, this time included. */
  readonly attempt: number;
  /** It is done with. */
  readonly done: () => Promise<MailState | "unknown">;
  /** It comes again: at once, or after a pause, which uses up one of five attempts. */
  readonly release: (delayMs?: number) => Promise<MailState | "unknown">;
  /** It is nothing for this agent; its sender is told why. */
  readonly refuse: (reason?: string) => Promise<MailState | "unknown">;
  /** Its lease begins anew. */
  readonly extend: (leaseMs?: number) => Promise<MailState | "unknown">;
}

const defaultMax = 10;

/**
 * Messages out of the mailbox, one after another. What was taken and not yet given out is given back when it ends.
 * @throws Fault malformed, forbidden, not-found
 */
export async function* mailOf(taking: Taking, options: MailOptions): AsyncGenerator<Mail, undefined> {
  const { max = defaultMax, ...rest } = options;
  const settings = takeSettings({ ...rest, batch: max });
  try {
    while (taking.isOpen) {
      const held = taking.waiting.shift() ?? (await next(taking, settings));
      if (held === undefined) {
        if (options.waitMs !== undefined) return undefined;
        continue;
      }
      taking.hand(held);
      if (!isExpired(held.envelope, Date.now())) yield withEnds(taking, held, settings.leaseMs);
    }
    return undefined;
  } finally {
    await taking.releaseWaiting();
  }
}

async function next(taking: Taking, settings: TakeSettings): Promise<Held | undefined> {
  try {
    await taking.ask(settings.batch, settings);
  } catch (thrown) {
    if (taking.isOpen) throw thrown;
  }
  return taking.waiting.shift();
}

function withEnds(taking: Taking, { envelope, attempt, deliveryId }: Held, leaseMs: number): Mail {
  const settle = (verdict: Verdict): Promise<MailState | "unknown"> => taking.settleById(deliveryId, verdict);
  return {
    ...envelope,
    attempt,
    done: () => settle({ kind: "done" }),
    release: async (ms = 0) => settle({ kind: "release", delayMs: whole("delayMs", ms, 0, hourMs) }),
    refuse: (reason) => settle({ kind: "refuse", reason }),
    extend: async (ms = leaseMs) => settle({ kind: "extend", leaseMs: whole("leaseMs", ms, 1_000, hourMs) }),
  };
}
