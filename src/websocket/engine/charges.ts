import { Fault, networkOf } from "../../core/index.js";
import type { Bucket, Dialect, DialectTypes, Session } from "../../dialect/index.js";

/** A session that pays for what it says. */
export interface PayingSession<T extends DialectTypes> extends Session<T> {
  /** The name under which it logged in; undefined before. */
  readonly firstName: string | undefined;
  /** True once it has taken another name: it no longer pays from the bucket of an agent, but from its own. */
  readonly isRenamed: boolean;
}

/** Takes what the commands of one session cost from the buckets that its dialect names. */
export class Charges<T extends DialectTypes> {
  readonly #dialect: Dialect<T>;
  readonly #session: PayingSession<T>;
  #command: T["command"] | undefined;
  /** What it has cost. */
  #paid = 0;
  // bound: the buckets that the dialect names · evicts: all, when the session ends · owner: Charges
  #ownBuckets: Set<string> | undefined; // only for buckets of a connection, and of a session that was renamed

  constructor(dialect: Dialect<T>, session: PayingSession<T>) {
    this.#dialect = dialect;
    this.#session = session;
  }

  /** The command that runs. */
  get command(): T["command"] | undefined {
    return this.#command;
  }

  /** Charges a command that begins. @throws Fault rate-limited */
  begin(command: T["command"], cost: number): void {
    this.#command = command;
    this.#paid = cost;
    if (cost !== 0) this.#charge(command, cost);
  }

  /** The present command is over: nothing of what was said stays in memory. */
  over(): void {
    this.#command = undefined;
  }

  /** Makes the present command cost so much more, in all what a bucket holds at most. @throws Fault rate-limited */
  pay(more: number): void {
    if (this.#command === undefined || more <= 0) return;
    this.#charge(this.#command, more, this.#paid);
    this.#paid += more;
  }

  /** The session is over: forgets the buckets that were its own. */
  end(): void {
    for (const key of this.#ownBuckets ?? []) this.#session.services.limiter.forget(key);
  }

  /**
   * Takes `cost` from every bucket that pays for the command: what costs more than the bucket holds, `paid` included,
   * passes when the bucket was full.
   * @throws Fault rate-limited
   */
  #charge(command: T["command"], cost: number, paid = 0): void {
    const { rate } = this.#dialect;
    if (rate === undefined) return;
    const { limiter } = this.#session.services;
    let wait = 0;
    for (const bucket of rate.buckets(this.#session, command))
      wait = Math.max(wait, limiter.take(this.#bucketKey(bucket), bucket.rate, restOf(bucket, cost, paid)));
    if (wait > 0) throw new Fault("rate-limited", rate.refusal, { retryAfterMs: wait });
  }

  /**
   * The key of a bucket; no name of an agent or a dialect holds a line feed. A session that was renamed has buckets of
   * its own, which begin with what was left: the old name may be somebody else's now. Its own buckets, and those of a
   * connection, are forgotten when it ends.
   */
  #bucketKey({ owner, name }: Bucket): string {
    const { firstName, isRenamed, id, remote, services } = this.#session;
    const group = `${this.#dialect.name}\n${name ?? ""}`;
    if (owner === "network") return `${group}\nat\n${networkOf(remote)}`;
    if (owner === "agent" && firstName !== undefined) {
      const agent = name === undefined ? `agent\n${firstName}` : `${group}\nagent\n${firstName}`;
      if (!isRenamed) return agent;
      return this.#ownKey(`${group}\nrenamed\n${id}`, (key) => {
        services.limiter.copy(agent, key);
      });
    }
    return this.#ownKey(`${group}\nconnection\n${id}`);
  }

  #ownKey(key: string, begin?: (key: string) => void): string {
    const own = (this.#ownBuckets ??= new Set());
    if (!own.has(key)) begin?.(key);
    own.add(key);
    return key;
  }
}

/** What is left to pay of `cost`, if a full bucket pays for everything. */
function restOf({ rate: { burst } }: Bucket, cost: number, paid: number): number {
  return paid === 0 ? cost : Math.min(cost, Math.max(0, burst - paid));
}
