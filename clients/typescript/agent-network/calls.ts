import type { Clock } from "../../../src/core/clock.js";
import { networkError, type NetworkError } from "./error.js";
import type { Message } from "./message.js";

/** Calls that wait for their answers at a time; a further one is refused. */
export const callsMax = 4_096;

/** What a call waits for. */
export interface Call {
  /** Who has to answer: nobody else can. */
  readonly peer: string;
  /** The `requestId` or `proposalId` that the answer names. */
  readonly id: string;
  readonly kind: "QUERY" | "PROPOSAL";
  /** By which a refusal names it; undefined for what the broker is asked. */
  readonly messageId: string;
  /** It was sealed: then an answer in plain text, which the broker could have made up, is none. */
  readonly sealed: boolean;
  readonly timeoutMs: number;
  /** What its caller is told when nobody has answered in time. */
  readonly timedOut: () => NetworkError;
}

interface OpenCall extends Call {
  readonly resolve: (answer: Message) => void;
  readonly reject: (error: NetworkError) => void;
}

/** Queries and proposals whose callers wait for an answer. They end with the process; what comes later is a message. */
export class OpenCalls {
  readonly #clock: Clock;
  // bound: callsMax · evicts: with its answer, its time, or the client · owner: OpenCalls
  readonly #calls = new Map<string, OpenCall>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Waits for the answer. @throws NetworkError */
  wait(call: Call): Promise<Message> {
    const key = keyOf(call.peer, call.kind, call.id);
    if (this.#calls.size >= callsMax)
      return Promise.reject(
        networkError("MESSAGE_ERROR", `${callsMax} calls wait for their answers; wait for some before the next`),
      );
    const before = this.#calls.get(key);
    if (call.kind === "PROPOSAL")
      before?.reject(networkError("MESSAGE_ERROR", "the proposal was made anew; the newer one waits for its decision"));
    else if (before !== undefined)
      return Promise.reject(
        networkError("MESSAGE_ERROR", `${call.peer} was asked under this id before; take a new id`),
      );
    return new Promise((resolve, reject) => {
      const end = (): void => {
        cancel();
        this.#calls.delete(key);
      };
      const cancel = this.#clock.after(call.timeoutMs, () => {
        end();
        reject(call.timedOut());
      });
      this.#calls.set(key, {
        ...call,
        resolve: (answer) => {
          end();
          resolve(answer);
        },
        reject: (error) => {
          end();
          reject(error);
        },
      });
    });
  }

  /** True if a message that was opened, or came in plain, answers an open call: the call is over then. */
  answer(message: Message): boolean {
    const call = this.#answered(message);
    if (call === undefined || (call.sealed && !message.sealed)) return false;
    call.resolve(message);
    return true;
  }

  /** A message has failed for good: whoever waits for an answer to it is told. @returns whether somebody did */
  fail(messageId: string, error: NetworkError): boolean {
    const call = [...this.#calls.values()].find((one) => one.messageId === messageId);
    call?.reject(error);
    return call !== undefined;
  }

  /** Nothing sealed goes to this peer before the application has spoken: whoever waits for its answer is told. */
  failSealed(peer: string, error: NetworkError): void {
    for (const call of [...this.#calls.values()]) if (call.sealed && call.peer === peer) call.reject(error);
  }

  /** Nobody is answered any more: of a peer, or at all. */
  failAll(error: NetworkError, peer?: string): void {
    for (const call of [...this.#calls.values()]) if (peer === undefined || call.peer === peer) call.reject(error);
  }

  #answered({ senderId, messageType, content }: Message): OpenCall | undefined {
    const { requestId, proposalId } = content;
    if (messageType === "RESPONSE" && typeof requestId === "string")
      // Agents of other dialects answer a proposal by a RESPONSE that names it (Agent Network §4.3).
      return (
        this.#calls.get(keyOf(senderId, "QUERY", requestId)) ?? this.#calls.get(keyOf(senderId, "PROPOSAL", requestId))
      );
    const isDecision = messageType === "CONFIRMATION" || messageType === "REJECTION";
    return isDecision && typeof proposalId === "string"
      ? this.#calls.get(keyOf(senderId, "PROPOSAL", proposalId))
      : undefined;
  }
}

function keyOf(peer: string, kind: Call["kind"], id: string): string {
  return JSON.stringify([peer, kind, id]);
}
