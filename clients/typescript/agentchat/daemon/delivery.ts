import type { DaemonClient } from "./daemon-client.js";
import { errorCode, retryAfter } from "./errors.js";
import type { Outgoing, Step } from "./outbox-line.js";
import { pause } from "./waiting.js";

/**
 * Says what a line of the outbox asks for; done when the server has dealt with it.
 * @param id of a message: the same each time it is said
 * @param confirmed done when the server has dealt with a message that was written
 * @throws Error what the client or `confirmed` throws. A message that is refused is told by ClientHears.refused
 */
export async function say(
  client: DaemonClient,
  line: Outgoing,
  id: string,
  confirmed: () => Promise<void>,
): Promise<void> {
  switch (line.type) {
    case "MSG":
      await client.send(line.to, line.content, {
        msgId: id,
        ...(line.inReplyTo !== undefined && { inReplyTo: line.inReplyTo }),
        ...(line.receipt === true && { receipt: line.receipt }),
      });
      await confirmed();
      return;
    case "JOIN":
      await client.join(line.channel, line.replay === undefined ? {} : { replay: line.replay });
      return;
    case "LEAVE":
      await client.leave(line.channel);
      return;
    case "CREATE_CHANNEL":
      await client.createChannel(line.channel, line.invite_only);
      return;
    case "INVITE":
      await client.invite(line.channel, line.agent);
      return;
    case "PROPOSAL":
    case "ACCEPT":
    case "REJECT":
    case "COMPLETE":
    case "DISPUTE":
      await negotiate(client, line);
  }
}

async function negotiate(client: DaemonClient, step: Step): Promise<void> {
  switch (step.type) {
    case "PROPOSAL": {
      const { to, task, amount, currency, payment_code: paymentCode, terms, expires } = step;
      await client.propose(to, {
        task,
        ...(amount !== undefined && { amount }),
        ...(currency !== undefined && { currency }),
        ...(paymentCode !== undefined && { paymentCode }),
        ...(terms !== undefined && { terms }),
        ...(expires !== undefined && { expires }),
      });
      return;
    }
    case "ACCEPT":
      await client.accept(step.proposal_id, step.payment_code);
      return;
    case "REJECT":
      await client.reject(step.proposal_id, step.reason);
      return;
    case "COMPLETE":
      await client.complete(step.proposal_id, step.proof);
      return;
    case "DISPUTE":
      await client.dispute(step.proposal_id, step.reason);
  }
}

/** A line of the outbox that was said and waits for the server's verdict. */
export class SentLine {
  readonly #type: Outgoing["type"];
  readonly #id: string;
  #failure: Error | undefined;

  /** @param id of a message */
  constructor(type: Outgoing["type"], id: string) {
    this.#type = type;
    this.#id = id;
  }

  /** Why it was not taken, or why that is unknown; undefined while nothing has gone wrong. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** True once it was refused, or its fate is unknown. */
  hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  /** It failed; only the first failure counts. */
  fail(error: Error): void {
    this.#failure ??= error;
  }

  /** Fails it if a refusal that answers no call is about it. @returns whether it is */
  refuse(error: Error): boolean {
    const ref = refOf(error);
    // Other servers give no ref: the client says then which message it can be about. Without that, a refusal that answers
    // no call is about the one message that was sent, unless it says that something could not be read, on either side.
    const isAbout =
      "msgId" in error && error.msgId !== undefined
        ? error.msgId === this.#id
        : ref === undefined
          ? errorCode(error) !== "INVALID_MSG"
          : ref === this.#id || ref === "MSG";
    if (this.#type !== "MSG" || !isAbout) return false;
    this.fail(error);
    return true;
  }
}

/** The id or type of what was refused, as the server said it; undefined if it said none. */
export function refOf(thrown: unknown): string | undefined {
  return thrown instanceof Error && "ref" in thrown && typeof thrown.ref === "string" ? thrown.ref : undefined;
}

/** After this time a server has answered what was said, and takes a PING again, milliseconds. */
const holdMs = 1_000;

/**
 * Finds out on one connection whether the server has dealt with a message. A server answers in order, so the answer to
 * a PING behind the message proves it. Some servers refuse the PING, too, because of its rate: then the PING is
 * repeated, not the message. If a server does not say what it refuses, each later PING is sent with a delay, so that
 * the refusal of the message can be told from the refusal of the PING.
 */
export class DeliveryCheck {
  #holdMs = 0;

  /**
   * Done when the server has dealt with the message: it was taken unless it has failed.
   * @throws Error what the client throws; a refusal that may be about the message
   */
  async wait(client: Pick<DaemonClient, "ping">, message: SentLine, signal: AbortSignal): Promise<void> {
    if (this.#holdMs > 0) await pause(signal, this.#holdMs);
    while (!message.hasFailed()) {
      if (signal.aborted) throw Object.assign(new Error("the connection has ended"), { code: "CLOSED" });
      try {
        await client.ping();
        return;
      } catch (thrown) {
        if (message.hasFailed()) return;
        const isLimited = errorCode(thrown) === "RATE_LIMITED";
        if (refOf(thrown) !== "PING" && !(isLimited && this.#holdMs > 0)) {
          if (isLimited) this.#holdMs = holdMs;
          throw thrown;
        }
        if (!isLimited) return; // a refusal is an answer, too
        await pause(signal, retryAfter(thrown));
      }
    }
  }
}

/** What the PING behind a message costs at our server, where a message costs 1. */
const pingShare = 0.1;

/**
 * Decides when the next message may be sent. A client is not told the server's rate, so nothing is delayed until the
 * server has refused a message; from then on its refusals tell how many messages it takes at once, and how long it
 * takes until it takes one more. Times are milliseconds of a clock that never goes back.
 */
export class Pace {
  #phase: "free" | "paced" = "free";
  /** Messages sent since the server's token bucket was full (free), or since it held exactly one (paced). */
  #sent = 0;
  /** Once paced: what the server takes at once, and how long it takes to make room for one more. */
  #burst = 1;
  #intervalMs = 0;
  /** Once paced: when the bucket held, or will hold, exactly one message, by the last refusal. */
  #roomAt = 0;
  #nextAt = 0;

  /** Asks to send one message now. @returns 0 if it may be sent, else in how many milliseconds to ask again */
  take(now: number): number {
    // the bucket is full again
    if (this.#phase === "paced" && now - this.#nextAt >= this.#burst * this.#intervalMs) this.#begin();
    if (this.#phase === "paced") {
      if (now < this.#nextAt) return Math.ceil(this.#nextAt - now);
      this.#nextAt += this.#intervalMs;
    }
    this.#sent += 1;
    return 0;
  }

  /** The message that was sent last was refused, and can be sent again in `afterMs`. */
  refused(now: number, afterMs: number): void {
    const taken = this.#sent - 1;
    const roomAt = now + afterMs;
    if (this.#phase === "free") {
      this.#burst = Math.max(1, taken);
      this.#intervalMs = afterMs; // at least: perhaps the bucket was not quite empty
    } else {
      // Between two moments at which it held one message, the server has made room for those that went with their
      // PINGs, and for the PING behind the refused one.
      const room = taken * (1 + pingShare) + pingShare;
      const measured = ((roomAt - this.#roomAt) * (1 + pingShare)) / room;
      this.#intervalMs = Math.max(afterMs, measured, taken === 0 ? this.#intervalMs : 0);
    }
    this.#phase = "paced";
    this.#roomAt = roomAt;
    this.#nextAt = roomAt + this.#intervalMs * pingShare;
    this.#sent = 0;
  }

  #begin(): void {
    this.#phase = "free";
    this.#sent = 0;
  }
}
