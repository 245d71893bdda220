import { agentNameProblem, Fault, principal, type Limits, type Principal, type Trust } from "../core/index.js";
import { noCounts, type BoxRow } from "./mail-row.js";
import type { Box } from "./box.js";
import { messagesWait } from "./words.js";

/** What an owner decides about its box. */
export interface BoxSettings {
  readonly mode?: "push" | "take";
  /** Memberships of its WebSocket sessions outlive them (protocols §10.3). */
  readonly rooms?: boolean;
  readonly keepMs?: number;
  readonly max?: number;
  readonly maxBytes?: number;
}

/** The connection that opens a box, and the network it is at: whose shares count it if the name has cost nothing. */
export interface OpenedBy {
  readonly connection?: string | undefined;
  readonly network?: string | undefined;
}

/** Who opens a box: its owner, or the operator for it. */
export interface Opener extends OpenedBy {
  readonly name: string;
  readonly trust: Trust;
  /** What proves the owner's name; absent: anything that proves it. */
  readonly proof?: string | undefined;
  /** It is the operator, who opens it for whoever will own it. */
  readonly isOperator?: true;
  /** Whose doing it is, if it is not the owner's. */
  readonly by?: string | undefined;
}

/** How somebody shows who it is; undefined: by a ZeroMQ connection that only says so. */
export type Shown = Pick<Principal, "trust" | "proof"> | undefined;

/**
 * True if a box is for somebody (protocols §9): for who proved as much by the same, or, if its name is only claimed, for
 * ZeroMQ connections that claim it, while all of those are on this machine (`mayClaim`), and for whoever proves it. A
 * session that proves less hears nothing of it.
 */
export function owns({ trust, proof }: Pick<BoxRow, "trust" | "proof">, shown: Shown, mayClaim: boolean): boolean {
  if (trust !== "proved") return shown === undefined ? mayClaim : shown.trust === "proved";
  return shown?.trust === "proved" && (proof === undefined || shown.proof === proof);
}

/** Who owns a box, for whatever is given to it while it is away; undefined if there is no box. */
export function ownerOf(box: Pick<Box, "name" | "settings"> | undefined): Principal | undefined {
  if (box === undefined) return undefined;
  const { trust, proof } = box.settings;
  return principal(box.name, trust, proof === undefined ? {} : { proof });
}

/** The box is for who proved as much, by the same. @throws Fault forbidden */
export function mustOwn(
  { box }: { readonly box: Pick<Box, "name" | "settings"> },
  shown: Shown,
  mayClaim: boolean,
): void {
  if (owns(box.settings, shown, mayClaim)) return;
  throw new Fault(
    "forbidden",
    `the mailbox of ${box.name} belongs to somebody who proves it; prove the name as then (its key, or its token)`,
  );
}

/** True if a speaker's memberships in rooms outlive its session: its name has such a box, and it is its own. */
export function keepsRooms(boxes: Boxes, speaker: Principal): boolean {
  const settings = boxes.mailbox(speaker.agent)?.box.settings;
  return settings?.rooms === true && owns(settings, speaker, boxes.mayClaim);
}

/** Where the boxes are. */
interface Boxes {
  readonly mayClaim: boolean;
  mailbox(name: string): { readonly box: Pick<Box, "settings"> } | undefined;
}

/** A box has no more room than the configuration gives to each. @throws Fault malformed */
export function mustFit({ max = 0, maxBytes = 0 }: BoxSettings, { mailMax, mailMaxBytes }: Limits): void {
  const tooMuch = (field: string, most: number, limit: string): never => {
    throw new Fault("malformed", `${field} is ${String(most)} at most (${limit} of the configuration)`);
  };
  if (max > mailMax) tooMuch("max", mailMax, "mailMax");
  if (maxBytes > mailMaxBytes) tooMuch("max_bytes", mailMaxBytes, "mailMaxBytes");
}

/** The row of a box that is opened: what its owner does not say is as the configuration gives it. */
export function newBox(
  { name, trust, proof }: Opener,
  settings: BoxSettings,
  { id, now, limits }: { readonly id: number; readonly now: number; readonly limits: Limits },
): BoxRow {
  const { mode = "push", rooms = false, keepMs = limits.mailKeepMs } = settings;
  const { max = limits.mailMax, maxBytes = limits.mailMaxBytes } = settings;
  return {
    id,
    name,
    mode,
    trust,
    ...(proof !== undefined && { proof }),
    rooms,
    keepMs,
    max,
    maxBytes,
    openedAt: now,
    nextSeq: 1,
    counts: noCounts,
  };
}

/** Nobody has opened it. */
export function noBox(name: string): Fault {
  return new Fault(
    "not-found",
    `${name} has no mailbox; its owner opens it (mailbox.open), or: broker mailbox open ${name}`,
  );
}

/** Only agents have mailboxes. @throws Fault malformed */
export function mustBeName(name: string): void {
  const problem = agentNameProblem(name);
  if (problem !== undefined) throw new Fault("malformed", `${name} cannot be the name of an agent: it ${problem}`);
}

/**
 * A box with something in it is not closed. `leased` of what waits are taken: who took them and said nothing of them
 * would else look for what it has, and nobody can take them before their lease ends or they are given back.
 */
export function notEmpty(name: string, waiting: number, leased: number): Fault {
  const back = `mailbox.release, or broker mailbox release ${name}, gives them back`;
  const taken = leased === 0 ? "" : ` (${String(leased)} of them taken and not settled: ${back})`;
  return new Fault(
    "conflict",
    `${messagesWait(waiting)} in the mailbox of ${name}${taken}; take them first and say that they are done, ` +
      `or lose them (discard: true; broker mailbox close ${name} --discard)`,
  );
}
