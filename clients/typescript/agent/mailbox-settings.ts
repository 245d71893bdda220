import { Fault } from "../../../src/core/index.js";
import { refuseUnknown } from "./known-options.js";
import type { BoxOptions, MailboxOption, TakeMailbox } from "./mailbox-options.js";
import { shown } from "../shared/shown.js";

/** How messages are taken, every number given. */
export type TakeSettings = Readonly<Record<keyof typeof takeDefaults, number>> & Pick<TakeMailbox, "maxTokens">;

/** Defaults of {@link TakeMailbox}. */
export const takeDefaults = Object.freeze({
  batch: 100,
  parallel: 8,
  leaseMs: 120_000,
  waitMs: 30_000,
  retryMs: 1_000,
});

/** The longest lease and pause, milliseconds (protocols §9.10). */
export const hourMs = 3_600_000;
const retryFactor = 8;

/** The bounds of what may be given, least and most. */
const bounds = Object.freeze({
  batch: [1, 1_000],
  parallel: [1, 1_000],
  maxTokens: [1, Number.MAX_SAFE_INTEGER],
  leaseMs: [1_000, hourMs],
  waitMs: [0, 30_000],
  retryMs: [1, hourMs],
} as const);

const known: readonly string[] = ["mode", "keepS", "max", "maxBytes", ...Object.keys(bounds)];

/** What the broker is asked to open, and how messages are taken; `take` is undefined in push mode. */
export interface MailboxSettings {
  readonly open: Readonly<Record<string, unknown>>;
  readonly take: TakeSettings | undefined;
}

/**
 * Reads the option `mailbox`. In JavaScript anything can be given; what is the box's own is checked by the broker.
 * @throws Fault malformed
 */
export function mailboxSettings(option: Exclude<MailboxOption, false>): MailboxSettings {
  const given: unknown = option === true ? "push" : option;
  const options: unknown = typeof given === "string" ? { mode: given } : given;
  if (typeof options !== "object" || options === null || Array.isArray(options)) throw wrongMode(option);
  const { mode = "push", keepS, max, maxBytes }: { mode?: unknown } & BoxOptions = options;
  if (mode !== "push" && mode !== "take") throw wrongMode(mode);
  checkBelonging(mode, { ...options });
  const open = {
    mode,
    ...(keepS !== undefined && { keep_s: keepS }),
    ...(max !== undefined && { max }),
    ...(maxBytes !== undefined && { max_bytes: maxBytes }),
  };
  return { open, take: mode === "take" ? takeSettings(options) : undefined };
}

/** @throws Fault malformed: what is unknown, or belongs to another mode or another dialect */
function checkBelonging(mode: "push" | "take", options: Readonly<Record<string, unknown>>): void {
  if (options["rooms"] !== undefined)
    throw new Fault(
      "malformed",
      "mailbox has rooms, which is not for agents over ZeroMQ: leave it out, and join the rooms when you are back",
    );
  refuseUnknown("mailbox", options, known);
  const alien = mode === "take" ? undefined : Object.keys(bounds).find((name) => options[name] !== undefined);
  if (alien !== undefined)
    throw new Fault(
      "malformed",
      `mailbox has ${alien}, which is for an agent that takes its messages: add mode: "take", or leave ${alien} out`,
    );
}

/** Reads how messages are taken. @throws Fault malformed: a number that is none, or is out of its bounds */
export function takeSettings(options: Omit<TakeMailbox, "mode">): TakeSettings {
  const given: Readonly<Record<string, unknown>> = { ...options };
  for (const [name, [least, most]] of Object.entries(bounds)) {
    if (given[name] !== undefined) whole(name, given[name], least, most);
  }
  const { batch, parallel, maxTokens, leaseMs, waitMs, retryMs } = options;
  return {
    batch: batch ?? takeDefaults.batch,
    parallel: parallel ?? takeDefaults.parallel,
    leaseMs: leaseMs ?? takeDefaults.leaseMs,
    waitMs: waitMs ?? takeDefaults.waitMs,
    retryMs: retryMs ?? takeDefaults.retryMs,
    ...(maxTokens !== undefined && { maxTokens }),
  };
}

/** A whole number; in JavaScript anything can be given. @throws Fault malformed for what is none, or out of its bounds */
export function whole(name: string, value: unknown, least: number, most: number): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < least || value > most)
    throw new Fault("malformed", `${name} is ${shown(value)}; give a whole number from ${least} to ${most}`);
  return value;
}

/** How long a message rests whose handler has failed so often. */
export function retryDelayMs(retryMs: number, attempt: number): number {
  return Math.min(retryMs * retryFactor ** Math.max(0, attempt - 1), hourMs);
}

function wrongMode(given: unknown): Fault {
  return new Fault("malformed", `mailbox is ${shown(given)}; give true, "push", "take", or { mode: "take", … }`);
}
