import { Allotment } from "../core/allotment.js";
import type { Clock } from "../core/clock.js";
import type { Envelope } from "../core/envelope.js";
import { Fault } from "../core/fault.js";
import type { Limits } from "../core/limits.js";
import type { OpenRequest, Overdue, Requests } from "./requests.js";

/** `detail.reason` of a refusal that only its sender has met; of one that all meet it is `requests-full`. */
export const shareFullReason = "requests-share-full";
/** Open requests that a connection without a token may have in any case. */
const claimedAssured = 10;

interface Entry {
  readonly request: OpenRequest;
  readonly cancel: () => void;
}

/** Limits and clock of {@link RequestsMemory}. */
export interface RequestsOptions {
  readonly limits: Pick<Limits, "requestsMax" | "requestsPerSenderMax" | "requestTimeoutMs" | "requestMaxMs">;
  readonly clock: Clock;
  /** What a mailbox knows of a request; undefined if none has it. */
  readonly stored?: (request: Pick<OpenRequest, "from" | "to" | "messageId">) => Overdue | undefined;
}

/** Open requests in memory. Names of agents contain no line feed, so keys use one as separator. */
export class RequestsMemory implements Requests {
  // bound: one and a half times requestsMax, 1 KiB each for two names and an id · evicts: a request beyond it is refused as full; an open
  // one goes when answered, withdrawn or timed out · owner: RequestsMemory
  readonly #byPair = new Map<string, Set<Entry>>();
  // bound: requestsMax · evicts: a sender goes with its last open request; more than requestsPerSenderMax is refused as
  // full · owner: RequestsMemory
  readonly #perSender = new Map<string, number>();
  readonly #options: RequestsOptions;
  #size = 0;
  /** Open requests whose sender has no token: half of all, so that the others always find a place. */
  readonly #claimed: Allotment;

  constructor(options: RequestsOptions) {
    this.#options = options;
    this.#claimed = new Allotment(() => options.limits.requestsMax / 2, claimedAssured);
  }

  get size(): number {
    return this.#size;
  }

  open(request: OpenRequest): () => void {
    const { limits, clock } = this.#options;
    const owner = ownerOf(request);
    const ofSender = this.#perSender.get(owner) ?? 0;
    if (ofSender >= limits.requestsPerSenderMax) {
      throw shareFull(
        `${request.from} waits for ${String(ofSender)} answers already; wait for some of them, then ask again`,
      );
    }
    const { used } = this.#claimed;
    const isClaimed = request.owner !== undefined;
    if (isClaimed && used >= limits.requestsMax)
      throw allFull(
        "the broker follows as many requests of agents without a token as it can; try again in a moment, " +
          "or connect with a token (broker token NAME)",
      );
    if (isClaimed && !this.#claimed.allows(ofSender))
      throw shareFull(
        `this connection waits for ${String(ofSender)} answers already, which is its share of those that agents ` +
          "without a token wait for now; wait for some of them, or connect with a token (broker token NAME)",
      );
    // What those without a token have beyond their half, by their assured parts, is not counted against the others.
    const ofOthers = this.#size - used;
    if (!isClaimed && ofOthers + Math.min(used, limits.requestsMax / 2) >= limits.requestsMax) {
      throw allFull("the broker follows as many open requests as it can, of all agents; try again in a moment");
    }
    const waitMs = Math.min(Math.max(request.timeoutMs ?? limits.requestTimeoutMs, 0), limits.requestMaxMs);
    const entry: Entry = {
      request,
      cancel: clock.after(waitMs, () => {
        if (this.#remove(entry)) request.timedOut?.(this.#overdue(request));
      }),
    };
    const pair = pairKey(request.from, request.to);
    const open = this.#byPair.get(pair);
    if (open === undefined) this.#byPair.set(pair, new Set([entry]));
    else open.add(entry);
    this.#perSender.set(owner, ofSender + 1);
    this.#size += 1;
    if (request.owner !== undefined) this.#claimed.used += 1;
    return () => {
      this.#remove(entry);
    };
  }

  answer(answer: Envelope): boolean {
    if (answer.type !== "response") return false;
    const entry = this.#find(answer.to, answer.from, answer.in_reply_to);
    if (entry === undefined) return false;
    this.#remove(entry);
    entry.request.answered?.(answer);
    return true;
  }

  pending(from: string, to: string): OpenRequest | undefined {
    return this.#find(from, to, undefined)?.request;
  }

  close(): void {
    for (const open of this.#byPair.values()) for (const entry of open) entry.cancel();
    this.#byPair.clear();
    this.#perSender.clear();
    this.#size = 0;
    this.#claimed.used = 0;
  }

  #overdue(request: OpenRequest): Overdue {
    return this.#options.stored?.(request) ?? { message: `${request.to} has not answered in time` };
  }

  /** The oldest open request of the pair, or the oldest with this id. A pair's set keeps the order of opening. */
  #find(from: string, to: string, messageId: string | undefined): Entry | undefined {
    for (const entry of this.#byPair.get(pairKey(from, to)) ?? []) {
      if (messageId === undefined || entry.request.messageId === messageId) return entry;
    }
    return undefined;
  }

  #remove(entry: Entry): boolean {
    const { from, to } = entry.request;
    const pair = pairKey(from, to);
    const open = this.#byPair.get(pair);
    if (open?.delete(entry) !== true) return false;
    entry.cancel();
    if (open.size === 0) this.#byPair.delete(pair);
    const owner = ownerOf(entry.request);
    const left = (this.#perSender.get(owner) ?? 1) - 1;
    if (left === 0) this.#perSender.delete(owner);
    else this.#perSender.set(owner, left);
    this.#size -= 1;
    if (entry.request.owner !== undefined) this.#claimed.used -= 1;
    return true;
  }
}

/** Others may still ask. */
function shareFull(message: string): Fault {
  return new Fault("full", message, { detail: { reason: shareFullReason } });
}

function allFull(message: string): Fault {
  return new Fault("full", message, { detail: { reason: "requests-full" } });
}

/** The key of whose limit a request counts against. A line feed separates owners from names, which contain none. */
function ownerOf({ from, owner }: OpenRequest): string {
  return owner === undefined ? from : `\n${owner}`;
}

function pairKey(from: string, to: string): string {
  return `${from}\n${to}`;
}
