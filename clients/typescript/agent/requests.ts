import { randomUUID } from "node:crypto";
import {
  asFault,
  brokerTopic,
  Fault,
  isUnreferenced,
  LoopClock,
  timerMaxMs,
  type Clock,
  type Content,
  type Envelope,
} from "../../../src/core/index.js";
import type { Endpoints } from "./endpoints.js";
import { faultOf, isFaultNotice } from "./incoming.js";
import { agentDefaults, type ConnectOptions } from "./options.js";

interface Waiting {
  readonly id: string;
  readonly answer: (envelope: Envelope) => void;
  readonly fail: (fault: Fault) => void;
}

/** How long to wait for an answer, and what ends the wait early. */
export interface WaitOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Asked for more than that the time is over; who waits goes on waiting meanwhile. Never rejects. */
  readonly overdue?: () => Promise<Fault | undefined>;
}

/** Requests of one agent that wait for their response, by message id. */
export class PendingRequests {
  // bound: pendingMax of the agent's options · evicts: one more request is refused as full · owner: PendingRequests
  readonly #waiting = new Map<string, Waiting>();
  /** The same by addressee, oldest first. */
  // bound: pendingMax · evicts: an addressee goes with its last request · owner: PendingRequests
  readonly #byAddressee = new Map<string, Set<Waiting>>();
  readonly #self: string;
  readonly #max: number;
  readonly #clock: Clock;
  /** Keeps the process here while a request waits: the clock's timers do not, and `broker.agent` has no sockets. */
  #alive: NodeJS.Timeout | undefined;

  /**
   * @param self the agent that asks
   * @param clock by which the waits are measured: one that leaves out while this process stood still
   */
  constructor(self: string, max: number, clock: Clock = new LoopClock()) {
    this.#self = self;
    this.#max = max;
    this.#clock = clock;
  }

  /**
   * Waits for the answer of `to` to the request `id`.
   * @throws Fault timeout, full, and what the broker says about the request
   */
  wait(id: string, to: string, { timeoutMs, signal, overdue }: WaitOptions): Promise<Envelope> {
    if (!(timeoutMs > 0))
      return Promise.reject(new Fault("malformed", `timeoutMs is ${timeoutMs}; give milliseconds, more than 0`));
    if (this.#waiting.has(id))
      return Promise.reject(
        new Fault("conflict", `a request ${id} waits for its answer already; give each request its own messageId`),
      );
    if (this.#waiting.size >= this.#max)
      return Promise.reject(
        new Fault("full", `${this.#max} requests wait for an answer already; wait for some of them first`),
      );
    return new Promise((resolve, reject) => {
      const end = (): void => {
        cancel();
        signal?.removeEventListener("abort", abort);
        this.#remove(waiting, to);
      };
      const fail = (fault: Fault): void => {
        end();
        reject(fault);
      };
      const abort = (): void => {
        fail(new Fault("timeout", "the request was given up (signal)", { cause: signal?.reason }));
      };
      const late = (known?: Fault): void => {
        if (this.#waiting.get(id) !== waiting) return; // answered meanwhile
        fail(known ?? new Fault("timeout", `${to} did not answer within ${timeoutMs} ms`));
      };
      const cancel = this.#clock.after(timeoutMs, () => {
        if (overdue === undefined) late();
        else void overdue().then(late);
      });
      const waiting: Waiting = {
        id,
        answer: (envelope) => {
          end();
          resolve(envelope);
        },
        fail,
      };
      this.#add(waiting, to);
      if (signal?.aborted === true) abort();
      else signal?.addEventListener("abort", abort, { once: true });
    });
  }

  /**
   * Asks by `publish`, and waits for the answer; nothing is sent if that is refused at once, or given up already.
   * @throws Fault as {@link wait}, and what `publish` throws
   */
  ask(
    id: string,
    to: string,
    options: WaitOptions,
    publish: (isWanted: () => boolean) => Promise<void>,
  ): Promise<Envelope> {
    const isNew = !this.has(id);
    const answer = this.wait(id, to, options);
    if (isNew && this.has(id))
      publish(() => this.has(id)).catch((thrown: unknown) => {
        this.fail(id, asFault(thrown));
      });
    return answer;
  }

  /**
   * Gives a response or a reported fault to the request that waits for it: a response that does not say what it answers
   * to the oldest to its sender (protocols §3.2).
   * @returns false if none waits
   */
  take(envelope: Envelope): boolean {
    const waiting = this.#answered(envelope);
    if (waiting === undefined) return false;
    // A response of kind fault: the asked agent has failed.
    if (envelope.type === "response" && envelope.content.kind === "fault") waiting.fail(faultOf(envelope));
    else if (envelope.type === "response") waiting.answer(envelope);
    else if (isFaultNotice(envelope)) waiting.fail(faultOf(envelope));
    else return false;
    return true;
  }

  /** True while the request `id` waits for its answer. */
  has(id: string): boolean {
    return this.#waiting.has(id);
  }

  /** Fails one request. */
  fail(id: string, fault: Fault): void {
    this.#waiting.get(id)?.fail(fault);
  }

  /** Fails everything that waits. */
  close(fault: Fault): void {
    for (const waiting of [...this.#waiting.values()]) waiting.fail(fault);
  }

  #answered(envelope: Envelope): Waiting | undefined {
    const { from, to, in_reply_to: inReplyTo } = envelope;
    if (!isUnreferenced(envelope)) return inReplyTo === undefined ? undefined : this.#waiting.get(inReplyTo);
    const [oldest] = (to === this.#self ? this.#byAddressee.get(from) : undefined) ?? [];
    return oldest;
  }

  #add(waiting: Waiting, to: string): void {
    this.#waiting.set(waiting.id, waiting);
    this.#alive ??= setInterval(() => undefined, timerMaxMs);
    const others = this.#byAddressee.get(to);
    if (others === undefined) this.#byAddressee.set(to, new Set([waiting]));
    else others.add(waiting);
  }

  #remove(waiting: Waiting, to: string): void {
    this.#waiting.delete(waiting.id);
    if (this.#waiting.size === 0) {
      clearInterval(this.#alive);
      this.#alive = undefined;
    }
    const others = this.#byAddressee.get(to);
    if (others?.delete(waiting) === true && others.size === 0) this.#byAddressee.delete(to);
  }
}

/** Publishes a ping to the broker, unless `isWanted` says no by the time it can be sent. */
export type PublishPing = (to: string, content: Content, messageId: string, isWanted: () => boolean) => Promise<void>;

const ping: Content = { message: "ping", kind: "ping" };

/**
 * True for the broker's answer to a ping. There may be several to one ping, and those that another program of the same
 * name asked for, which nobody here waits for.
 */
export function isPong({ from, type, content }: Envelope): boolean {
  return from === brokerTopic && type === "response" && content.kind === ping.kind;
}

/**
 * Round trips through the broker. It reads what one sender says in order, so an answer proves that it has read
 * everything before.
 */
export class RoundTrip {
  readonly #pending: PendingRequests;
  readonly #publish: PublishPing;
  readonly #ping: Content;
  /** The id of the ping that says whether the broker lets the agent in. */
  #first: string | undefined;

  /** `instance`: which of the programs under its name the agent is. */
  constructor(pending: PendingRequests, instance: string, publish: PublishPing) {
    this.#pending = pending;
    this.#ping = { ...ping, data: { instance } };
    this.#publish = publish;
  }

  /** One ping and its answer. @throws Fault timeout, unavailable */
  async once(timeoutMs: number): Promise<Envelope> {
    const messageId = randomUUID();
    const answer = this.#pending.wait(messageId, brokerTopic, { timeoutMs });
    this.#publish(brokerTopic, this.#ping, messageId, () => this.#pending.has(messageId)).catch((thrown: unknown) => {
      this.#pending.fail(messageId, asFault(thrown));
    });
    return answer;
  }

  /**
   * Repeats a ping under one id until its answer comes back: then both sockets work and the broker knows the name. It
   * stops as soon as `refusal` says why no answer will come. `at`: where the broker is sought.
   * @throws Fault unavailable, unauthenticated
   */
  async first(
    timeoutMs: number,
    at: Endpoints,
    refusal: (isWanted: () => boolean) => Promise<Fault | undefined>,
  ): Promise<Envelope> {
    const messageId = randomUUID();
    this.#first = messageId;
    const isWanted = (): boolean => this.#pending.has(messageId);
    const answer = this.#pending.wait(messageId, brokerTopic, { timeoutMs });
    this.#ask(messageId, isWanted).catch((thrown: unknown) => {
      this.#pending.fail(messageId, asFault(thrown));
    });
    void refusal(isWanted).then((fault) => {
      if (fault !== undefined) this.#pending.fail(messageId, fault);
    });
    try {
      return await answer;
    } catch (thrown) {
      throw notReady(asFault(thrown), at);
    }
  }

  /** The broker has said that it does not let the agent in. @returns false if it has let it in before */
  refuse(fault: Fault): boolean {
    if (this.#first === undefined || !this.#pending.has(this.#first)) return false;
    this.#pending.fail(this.#first, fault);
    return true;
  }

  async #ask(messageId: string, isWanted: () => boolean): Promise<void> {
    while (isWanted()) {
      await this.#publish(brokerTopic, this.#ping, messageId, isWanted);
      await new Promise((resolve) => setTimeout(resolve, agentDefaults.pingMs));
    }
  }
}

function notReady(fault: Fault, at: Endpoints): Fault {
  if (fault.code !== "timeout") return fault;
  return new Fault(
    "unavailable",
    `no broker answered at ${at.in} and ${at.out}; start one with broker start, or say where it is (dataDir, or in and ` +
      "out). If one runs there, its log says whom it refuses, and why",
  );
}

/** The fault when the broker takes what an agent says, but lets it hear nothing. */
export function refusedName({ name, token }: Pick<ConnectOptions, "name" | "token">): Fault {
  const why =
    token === undefined
      ? `the name may have an owner: connect with its token (broker token ${name}), or choose another name`
      : `the token may not be the ZeroMQ token of this name (broker token ${name})`;
  return new Fault(
    "unauthenticated",
    `the broker does not let ${name} hear its messages; ${why}; the broker's log says more`,
  );
}

/** The fault when the broker may not have read an agent's last messages. */
export function unreadFault(cause: unknown): Fault {
  return new Fault(
    "unavailable",
    "the broker did not confirm that it has read the last messages of this agent; they may be lost",
    { cause },
  );
}
