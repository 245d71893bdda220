import { asFault, brokerTopic, Fault, type Envelope, type Message } from "../core/index.js";
import type { ZmtpPeer } from "../zmtp/index.js";
import type { Connected } from "./connected.js";
import type { LocalContext } from "./context.js";
import { deskKinds, deskLengths, operatorsOnly } from "./desk/index.js";
import type { Ask, Seat } from "./desk/kind.js";
import type { Faults } from "./faults.js";
import { noticeOf } from "./notice.js";
import type { Roll } from "./roll.js";
import { isZmtpPeer } from "./undelivered.js";

/** What {@link Desk} needs. */
export interface DeskOptions {
  readonly context: LocalContext;
  readonly faults: Faults;
  readonly roll: Roll<Connected>;
  /** Marks an agent as seen. */
  readonly seen: (agent: string) => void;
}

/** Items of a list that cost as much as one request; a list that costs more than the burst takes a full one. */
const itemsPerToken = 100;

/** The broker as an agent: answers requests to `$broker` by their `content.kind`. Charged by connection, never by a claimed name. */
export class Desk {
  readonly #options: DeskOptions;

  constructor(options: DeskOptions) {
    this.#options = options;
  }

  /** Begins to answer. */
  open(): () => void {
    return this.#options.context.router.subscribe(brokerTopic, {
      deliver: (message, observed) => {
        if (observed) return false;
        const { envelope } = message;
        if (envelope?.type === "request") this.#answer(envelope, message);
        return true;
      },
    });
  }

  /** The connection is gone. */
  forget({ id }: ZmtpPeer): void {
    this.#options.context.limiter.forget(`desk ${id}`);
  }

  #answer(request: Envelope, message: Message): void {
    const { context, faults, roll, seen } = this.#options;
    const publisher = isZmtpPeer(message.origin) ? message.origin : undefined;
    const connections = publisher === undefined ? [] : roll.ownBy(request.from, publisher);
    if (publisher !== undefined && connections.length === 0) {
      // Whoever only publishes hears no answer, and nobody else may be made to hear it.
      context.ledger.count("asked-unheard");
      return;
    }
    try {
      const kind = request.content.kind ?? "";
      const seats = connections.flatMap((connected) => seatOf(connected, request.from));
      const ask: Ask = { request, seats, viewer: message.speaker ?? provedOf(seats), context };
      this.#charge(`desk ${publisher?.id ?? request.from}`, kind, ask);
      seen(request.from);
      const run = Object.hasOwn(deskKinds, kind) ? deskKinds[kind] : undefined;
      if (run === undefined) throw new Fault("unsupported", `the broker answers requests of content.kind ${offered(ask.viewer).join(", ")}`);
      const { replay = [], ...answer } = run(ask);
      context.exchange.announce(request.from, { type: "response", in_reply_to: request.message_id, content: { ...answer, kind } });
      for (const past of replay) context.exchange.announce(request.from, { ...past, replay: true });
    } catch (thrown) {
      const fault = asFault(thrown);
      if (fault.code === "internal") context.log("error", "the desk failed", { cause: String(fault.cause) });
      if (publisher === undefined) faults.tellSession(request.from, noticeOf(fault, request));
      else faults.tell(request.from, noticeOf(fault, request), publisher);
    }
  }

  /** Once, before anything is looked up. The operator is answered however much there is: it looks when there is too much. */
  #charge(key: string, kind: string, ask: Ask): void {
    if (ask.viewer?.scopes.has("operate") === true) return;
    const { limiter, limits } = this.#options.context;
    const items = Object.hasOwn(deskLengths, kind) ? (deskLengths[kind]?.(ask) ?? 0) : 0;
    const cost = 1 + Math.floor(items / itemsPerToken);
    const wait = limiter.take(key, { perSecond: limits.brokerRatePerSecond, burst: limits.brokerRateBurst }, cost);
    if (wait > 0) throw new Fault("rate-limited", "too many requests to the broker; ask less often", { retryAfterMs: wait });
  }
}

/** What is offered to whoever asked for something else: nothing that would then be forbidden. */
function offered(viewer: Ask["viewer"]): readonly string[] {
  return Object.keys(deskKinds).filter((kind) => !operatorsOnly.has(kind) || viewer?.scopes.has("operate") === true);
}

function seatOf(connected: Connected, name: string): Seat[] {
  const presence = connected.presence(name);
  if (presence === undefined) return [];
  return [{
    presence,
    wants: (topic) => connected.peer.subscriptions.has(topic),
    join: (room) => connected.join(presence, room),
    leave: (room) => connected.leave(presence, room),
  }];
}

/** A claimed name may be anybody's: it is shown no more than the public sees. */
function provedOf(seats: readonly Seat[]): Ask["viewer"] {
  return seats.map(({ presence }) => presence.principal).find(({ trust }) => trust === "proved");
}
