import { Fault, type Trust } from "../core/index.js";
import type { Mailbox } from "./mailbox.js";

/** What an owner decides about its box. */
export interface BoxSettings {
  readonly mode?: "push" | "take";
  readonly rooms?: boolean;
  readonly keepMs?: number;
  readonly max?: number;
  readonly maxBytes?: number;
}

/** Who opens a box: its owner, or the operator for it. */
export interface Opener {
  readonly name: string;
  readonly trust: Trust;
  /** What proves the owner's name; absent: anything that proves it. */
  readonly proof?: string | undefined;
  /** The connection that opens it, whose share of claimed boxes it counts against. */
  readonly connection?: string | undefined;
}

/** The box is for who proved as much, by the same. @throws Fault forbidden */
export function mustOwn({ box }: Mailbox, { trust, proof }: Opener): void {
  const { settings } = box;
  if (settings.trust !== "proved") return;
  if (trust === "proved" && (settings.proof === undefined || proof === undefined || settings.proof === proof)) return;
  throw new Fault(
    "forbidden",
    `the mailbox of ${box.name} belongs to somebody who proves it; prove the name as then (its key, or its token)`,
  );
}

/** Nobody has opened it. */
export function noBox(name: string): Fault {
  return new Fault(
    "not-found",
    `${name} has no mailbox; its owner opens it (mailbox.open), or: broker mailbox open ${name}`,
  );
}
