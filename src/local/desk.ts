import { asFault, brokerTopic, Fault, type Envelope, type Message } from "../core/index.js";
import type { Asker } from "./asker.js";
import type { Connected } from "./connected.js";
import type { LocalContext } from "./context.js";
import { deskKinds, type Answer } from "./desk-kinds.js";
import type { Faults } from "./faults.js";

export interface DeskOptions {
  readonly faults: Faults;
  /** A ZeroMQ connection of this agent. */
  readonly connection: (agent: string) => Connected | undefined;
}

/** The broker as an agent: answers requests to `$broker` by their `content.kind`. */
export class Desk {
  readonly #context: LocalContext;
  readonly #options: DeskOptions;

  constructor(context: LocalContext, options: DeskOptions) {
    this.#context = context;
    this.#options = options;
  }

  /** Begins to answer. */
  open(): () => void {
    return this.#context.router.subscribe(brokerTopic, {
      deliver: (message, observed) => {
        if (observed) return false;
        const envelope = message.envelope;
        if (envelope?.type === "request") this.#answer(envelope, message);
        return true;
      },
    });
  }

  #answer(request: Envelope, message: Message): void {
    const { exchange, limiter, limits } = this.#context;
    try {
      const wait = limiter.take(`desk ${originOf(message) ?? request.from}`, { perSecond: limits.brokerRatePerSecond, burst: limits.brokerRateBurst });
      if (wait > 0) throw new Fault("rate-limited", "too many requests to the broker; slow down", { retryAfterMs: wait });
      const kind = request.content.kind ?? "";
      const run = Object.hasOwn(deskKinds, kind) ? deskKinds[kind] : undefined;
      if (run === undefined) throw new Fault("unsupported", `the broker answers content.kind ${Object.keys(deskKinds).join(", ")}`);
      const { replay, ...answer }: Answer = run(request, this.#asker(request, message), this.#context);
      exchange.announce(request.from, { type: "response", in_reply_to: request.message_id, content: { kind, ...answer } });
      for (const past of replay ?? []) exchange.announce(request.from, { ...past, to: past.to, replay: true });
    } catch (thrown) {
      const fault = asFault(thrown);
      if (fault.code === "internal") this.#context.log("error", "the desk failed", { cause: String(fault.cause) });
      this.#options.faults.refuse(request.from, request, fault);
    }
  }

  #asker(request: Envelope, message: Message): Asker {
    const connected = this.#options.connection(request.from);
    connected?.show();
    const presence = connected?.presence(request.from);
    return { agent: request.from, connected, presence, principal: message.speaker ?? presence?.principal };
  }
}

/** The connection a request came from: limits are its, a claimed name could be anybody's. */
function originOf({ origin }: Message): string | undefined {
  return origin !== undefined && "id" in origin && typeof origin.id === "string" ? origin.id : undefined;
}
