import type { z } from "zod";
import type { box, message } from "../desk/kinds/mailbox-fields.js";
import { agoText, fittedTable, namedTexts, spanText } from "./columns.js";
import { mib } from "./status-text.js";

/** A mailbox as the broker lists it. */
export type ListedBox = z.output<typeof box>;
/** A message of a mailbox, with its marks in `$broker`. */
export type BoxMessage = z.output<typeof message>;
/** A message that was looked at: where it stands, and itself. */
export interface PeekedMessage {
  readonly state: string;
  readonly reason?: string;
  readonly attempts: number;
  readonly until: string;
  readonly message: BoxMessage;
}

/** Mailboxes for people. `now`: milliseconds since the epoch; `width`: see {@link fittedTable}. */
export function boxTable(boxes: readonly ListedBox[], now: number, width: number | undefined): string {
  return fittedTable(
    [
      { heading: "NAME", cuts: true },
      { heading: "OWNER" },
      { heading: "WAITING", isNumber: true },
      { heading: "LEASED", isNumber: true },
      { heading: "DEAD", isNumber: true },
      { heading: "OLDEST" },
      { heading: "FULL", isNumber: true },
      { heading: "MODE" },
      { heading: "TRUST" },
    ],
    boxes.map((one) => [
      one.agent,
      ownerText(one, now),
      String(one.waiting),
      String(one.leased),
      String(one.dead),
      one.oldest_at === undefined ? "-" : agoText(one.oldest_at, now),
      `${Math.floor(fullShare(one) * 100)} %`,
      one.mode,
      one.trust,
    ]),
    width,
  );
}

/** How much of its bounds is used, from 0 to 1. */
export function fullShare({ waiting, leased, max, bytes, max_bytes: maxBytes }: ListedBox): number {
  return Math.max((waiting + leased) / max, bytes / maxBytes);
}

function ownerText({ here, away_since: since }: ListedBox, now: number): string {
  if (here) return "here";
  return since === undefined ? "not seen yet" : `away, ${agoText(since, now)}`;
}

/** All about one mailbox. */
export function boxText(one: ListedBox, now: number, width: number | undefined): string {
  const { waiting, leased, done, answered, refused, expired, dead, stored } = one;
  const oldest = one.oldest_at === undefined ? "" : `, the oldest came ${agoText(one.oldest_at, now)}`;
  const isWeak = one.trust !== "proved";
  return namedTexts(
    [
      ["mailbox", `${one.agent}, opened ${agoText(one.opened_at, now)}`],
      ["owner", ownerText(one, now) + (one.unproved === true ? "; what it has read cannot be proved (ZMTP 3.0)" : "")],
      ["belongs to", isWeak ? "whoever says this name on this machine" : "whoever proves this name"],
      ["mode", one.mode === "push" ? "push: what waits comes by itself" : "take: the agent asks for it"],
      ["rooms", one.rooms ? "outlive its WebSocket sessions: it is away there" : "are left when a session ends"],
      ["waiting", `${waiting}, and ${leased} leased${oldest}`],
      [
        "bounds",
        `${waiting + leased} of ${one.max} messages, ${mib(one.bytes)} of ${mib(one.max_bytes)}, ` +
          `each for ${spanText(one.keep_s * 1_000)}`,
      ],
      [
        "messages",
        `${stored} stored = ${waiting} waiting + ${leased} leased + ${done} done + ${answered} answered + ` +
          `${refused} refused + ${expired} expired + ${dead} dead`,
      ],
      ["epoch", one.epoch],
    ],
    width,
  );
}

/** Messages of a mailbox for people: what they say, and as much as fits of the rest. */
export function messageTable(messages: readonly PeekedMessage[], now: number, width: number | undefined): string {
  return fittedTable(
    [
      { heading: "STORED" },
      { heading: "STATE" },
      { heading: "FROM", cuts: true },
      { heading: "TYPE" },
      { heading: "TEXT", cuts: true },
      { heading: "DELIVERY ID" },
    ],
    messages.map(({ state, message }) => {
      const { delivery_id: id, stored_at: at } = marksOf(message);
      return [agoText(at, now), state, message.from, message.type, message.content.message, id];
    }),
    width,
  );
}

/** Dead messages for people: by what they are delivered again, and why they are dead. */
export function deadTable(messages: readonly PeekedMessage[], now: number, width: number | undefined): string {
  return fittedTable(
    [
      { heading: "DELIVERY ID" },
      { heading: "WHY DEAD" },
      { heading: "STORED" },
      { heading: "FROM", cuts: true },
      { heading: "TEXT", cuts: true },
    ],
    messages.map(({ reason = "-", message }) => {
      const { delivery_id: id, stored_at: at } = marksOf(message);
      return [id, reason, agoText(at, now), message.from, message.content.message];
    }),
    width,
  );
}

/** What the broker wrote on a message of a mailbox. */
export function marksOf(message: BoxMessage): { readonly delivery_id: string; readonly stored_at: string } {
  const { delivery_id: id = "-", stored_at: at = "-" } = message.$broker ?? {};
  return { delivery_id: id, stored_at: at };
}
