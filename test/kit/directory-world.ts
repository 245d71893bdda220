import {
  Exchange,
  Fault,
  Ledger,
  Message,
  Router,
  defaultLimits,
  principal,
  type Envelope,
  type FaultCode,
  type Limits,
  type Principal,
  Slices,
} from "../../src/core/index.js";
import { DirectoryMemory, type Arriving, type ConfiguredRoom, type Presence } from "../../src/directory/index.js";
import { FakeClock } from "../../src/conformance/fake-clock.js";

/** A directory with everything below it and nothing above, and what was announced. */
export interface World {
  readonly router: Router;
  readonly ledger: Ledger;
  readonly exchange: Exchange;
  readonly clock: FakeClock;
  readonly directory: DirectoryMemory;
  /** What everybody may hear on `$events`, each as `kind agent room`. */
  readonly events: string[];
  /** The same, and what only those hear who may know of invite-only rooms. */
  readonly allEvents: string[];
  readonly arrive: (name: string, more?: Partial<Arriving>) => Presence;
  /** Says something to a topic as a session does. */
  readonly say: (to: string, text: string, speaker?: Principal) => void;
}

/** A world with any limits of its own. `outlives`: whose memberships outlive their connections. */
export function openWorld(
  limits: Partial<Limits> = {},
  configuredRooms: readonly ConfiguredRoom[] = [],
  outlives: (speaker: Principal) => boolean = () => false,
): World {
  const router = new Router();
  const ledger = new Ledger();
  const clock = new FakeClock();
  let ids = 0;
  const newId = (): string => `id-${String((ids += 1))}`;
  const exchange = new Exchange(router, ledger, clock, newId);
  const directory = new DirectoryMemory({
    router,
    exchange,
    clock,
    endings: new Slices(clock),
    limits: { ...defaultLimits, ...limits },
    configuredRooms,
    outlives,
  });
  const events: string[] = [];
  const allEvents: string[] = [];
  router.subscribe("$events", {
    deliver(message) {
      const line = inWords(message.envelope);
      allEvents.push(line);
      if (!message.hidden) events.push(line);
      return true;
    },
  });
  return {
    router,
    ledger,
    exchange,
    clock,
    directory,
    events,
    allEvents,
    arrive: (name, more = {}) => directory.arrive({ principal: principal(name, "shared"), dialect: "pan", ...more }),
    say(to, text, speaker = principal("somebody", "shared")) {
      ledger.messages.accepted += 1;
      exchange.submit(messageOf(to, text, speaker, clock.now(), newId()));
    },
  };
}

/** A message as a session makes it. */
export function messageOf(to: string, text: string, speaker: Principal | undefined, at: number, id: string): Message {
  const from = speaker?.agent ?? "somebody";
  const envelope: Envelope = {
    message_id: id,
    timestamp: new Date(at).toISOString(),
    from,
    to,
    type: "request",
    priority: "NORMAL",
    content: { message: text },
    trust: speaker?.trust ?? "claimed",
  };
  return Message.of(envelope, { topic: to, receivedAt: at, trust: speaker?.trust ?? "claimed", origin: {}, speaker });
}

/** The code of the fault that `run` throws. */
export function codeOf(run: () => unknown): FaultCode | "none" {
  try {
    run();
    return "none";
  } catch (error) {
    if (error instanceof Fault) return error.code;
    throw error;
  }
}

function inWords(envelope: Envelope | undefined): string {
  const data = (envelope?.content.data ?? {}) as { agent?: string; room?: string };
  return [envelope?.content.kind, data.agent, data.room].filter((word) => word !== undefined).join(" ");
}
