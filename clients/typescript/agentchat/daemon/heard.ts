import { createHash } from "node:crypto";
import { inboxLines } from "./inbox.js";

type Event = Readonly<Record<string, unknown>>;

/** Messages that are known again: those in the inbox and those before its last cut. */
const messagesMax = 2 * inboxLines;
/** An id of this length, characters, was never given twice by accident (AgentChat §5.4). */
const uniqueLength = 32;

/**
 * Knows the messages that were heard last, so that one which the server tells again after a reconnect is not written
 * twice (AgentChat §9.6). The same sender, target and text are always part of it: nobody can keep another's message out
 * of the inbox by using its id first.
 */
export class HeardMessages {
  // bound: two hashes for each of 2,000 messages · evicts: the oldest · owner: HeardMessages
  readonly #known = new Set<string>();

  /** Learns what an earlier process has heard. @param lines of its inbox, the oldest first */
  learn(lines: readonly string[]): void {
    for (const line of lines) if (line.includes('"MSG"')) this.#note(eventIn(line));
  }

  /** True if a message was heard before; one that was not is known from now on. Other events are always new. */
  isKnown(event: Event): boolean {
    if (event["type"] !== "MSG") return false;
    const { moment, id } = namesOf(event);
    const known = this.#known.has(moment) || (id !== undefined && isTelling(event) && this.#known.has(id));
    if (!known) this.#note(event);
    return known;
  }

  #note(event: Event): void {
    if (event["type"] !== "MSG") return;
    const { moment, id } = namesOf(event);
    for (const name of id === undefined ? [moment] : [moment, id]) {
      this.#known.delete(name);
      this.#known.add(name);
    }
    for (const name of this.#known) {
      if (this.#known.size <= 2 * messagesMax) break;
      this.#known.delete(name);
    }
  }
}

/** True if the same id tells that it is the same message; a short one may be given again by a client that counts. */
function isTelling({ msg_id: id, replay }: Event): boolean {
  return replay === true || (typeof id === "string" && id.length >= uniqueLength);
}

function namesOf({ from, to, content, ts, msg_id: id }: Event): {
  readonly moment: string;
  readonly id: string | undefined;
} {
  const named = typeof id === "string" && id !== "";
  return {
    moment: hashOf(["ts", from, to, content, ts, named ? id : ""]),
    id: named ? hashOf(["id", from, to, content, id]) : undefined,
  };
}

function hashOf(parts: readonly unknown[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("base64url").slice(0, 22);
}

/** A line of the inbox; empty if something else was written there. */
function eventIn(line: string): Event {
  try {
    const read: unknown = JSON.parse(line);
    return typeof read === "object" && read !== null ? { ...read } : {};
  } catch {
    return {};
  }
}
