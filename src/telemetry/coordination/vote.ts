import type { Content } from "../../core/index.js";

/** What a voter may answer (Visualisation §3.8). */
export const voteWords = ["approve", "reject", "abstain"] as const;
/** One of {@link voteWords}. */
export type Vote = (typeof voteWords)[number];

/** Longest beginning of an answer that is looked at, characters. */
const lookedAtMax = 256;

/**
 * The vote in an answer: `data.vote`, else its first word, in any case and without what stands around it (`**Approve**,
 * because …`). Undefined: it is none.
 */
export function readVote({ message, data }: Pick<Content, "message" | "data">): Vote | undefined {
  return voteIn(voteField(data)) ?? voteIn(message);
}

function voteField(data: unknown): unknown {
  return typeof data === "object" && data !== null && Object.hasOwn(data, "vote")
    ? (data as Readonly<Record<string, unknown>>)["vote"]
    : undefined;
}

function voteIn(text: unknown): Vote | undefined {
  if (typeof text !== "string") return undefined;
  const [word = ""] = /\p{L}+/u.exec(text.slice(0, lookedAtMax)) ?? [];
  return voteWords.find((vote) => vote === word.toLowerCase());
}

/** How often each was said, of how many voters. */
export interface Tally extends Readonly<Record<Vote, number>> {
  readonly voters: number;
  /** Those that nobody could ask: they are not here. */
  readonly absent: number;
}

/** So many of the voters must approve. Exact for every share of up to a million voters that has six digits. */
export function neededOf(voters: number, threshold: number): number {
  return Math.max(Math.ceil(voters * threshold - 1e-6), 1);
}

/**
 * What a vote has decided, whatever those say who have not answered yet; undefined while it is open. An abstention, and
 * whoever is absent, approves of nothing.
 */
export function decisionOf(
  { voters, approve, reject, abstain, absent }: Tally,
  threshold: number,
): Decision | undefined {
  const needed = neededOf(voters, threshold);
  if (approve >= needed) return "APPROVED";
  return voters - reject - abstain - absent < needed ? "REJECTED" : undefined;
}

/** What a vote has decided. */
export type Decision = "APPROVED" | "REJECTED";
