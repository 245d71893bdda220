import {
  asFault,
  brokerTopic,
  noticeOf,
  type Envelope,
  type Exchange,
  type FaultNotice,
  type Log,
  type Message,
} from "../core/index.js";
import type { Answerer, Question, Questioner, Reply, Seat } from "../directory/index.js";

/** Who asks by a message, as its transport knows it. */
export interface Asker extends Questioner {
  /** Tells it why it was refused. */
  refused(notice: FaultNotice): void;
}

/** Knows who is behind a message. */
export interface Askers {
  /** Undefined if nobody would hear an answer, or if somebody else than who asks would hear it. */
  askerOf(message: Message, request: Envelope): Asker | undefined;
}

/** What {@link DeskTopic} needs of the broker. */
export interface DeskTopicOptions {
  readonly exchange: Exchange;
  readonly askers: Askers;
  readonly desk: Answerer;
  readonly log: Log;
}

/** The desk as an address: it answers requests to `$broker` by their `content.kind`, on the asker's own topic. */
export class DeskTopic {
  readonly #options: DeskTopicOptions;
  #stop: (() => void) | undefined;

  constructor(options: DeskTopicOptions) {
    this.#options = options;
  }

  open(): void {
    this.#stop = this.#options.exchange.router.subscribe(brokerTopic, {
      deliver: (message, observed) => {
        if (observed) return false;
        const { envelope } = message;
        if (envelope?.type === "request") this.#answer(envelope, message);
        return true;
      },
    });
  }

  close(): void {
    this.#stop?.();
  }

  #answer(request: Envelope, message: Message): void {
    const { exchange, askers, desk } = this.#options;
    const asker = askers.askerOf(message, request);
    if (asker === undefined) {
      exchange.ledger.count("asked-unheard");
      return;
    }
    const { from, content } = request;
    try {
      const { done } = desk.ask(
        { ...asker, from, content, kind: content.kind ?? "", viewer: message.speaker ?? provedOf(asker.seats) },
        this.#replyTo(request),
      );
      if (done !== undefined) void this.#follow(done, asker, request.message_id);
    } catch (thrown) {
      this.#refuse(asker, request, thrown);
    }
  }

  /** Never rejects. */
  async #follow(done: Promise<void>, asker: Asker, id: string): Promise<void> {
    try {
      await done;
    } catch (thrown) {
      this.#refuse(asker, { message_id: id, to: brokerTopic }, thrown);
    }
  }

  #replyTo({ from, message_id: id }: Envelope): Reply {
    const { exchange } = this.#options;
    return {
      ready: (past) => past.message()?.payload, // it is written when it is looked at
      answered: (content, replay, heardBy) => {
        exchange.announce(from, { type: "response", in_reply_to: id, content });
        for (const past of replay) {
          const message = past.message();
          if (message !== undefined) exchange.announceAgain(from, message);
        }
        if (heardBy === undefined) return;
        const { wires = [], readers = [] } = exchange.router.route(from) ?? {};
        for (const subscriber of [...wires, ...readers]) heardBy(subscriber);
      },
      written: ({ bytes }) => {
        exchange.announceWritten(from, id, bytes);
      },
    };
  }

  #refuse(asker: Asker, request: Pick<Envelope, "message_id" | "to">, thrown: unknown): void {
    const fault = asFault(thrown);
    if (fault.code === "internal") this.#options.log("error", "the desk failed", { cause: String(fault.cause) });
    asker.refused(noticeOf(fault, request));
  }
}

/** A claimed name may be anybody's: it is shown no more than the public sees. */
function provedOf(seats: readonly Seat[]): Question["viewer"] {
  return seats.map(({ presence }) => presence.principal).find(({ trust }) => trust === "proved");
}
