import { asFault, type Envelope, type Message } from "../../core/index.js";
import type { DialectService, Session } from "../../dialect/index.js";
import type { BridgeContext } from "./context.js";
import type { Hearer, Renderer } from "./render.js";

/** A session as its dialect's service sees it. */
interface Served<C, Event, State> extends Session<Event, State> {
  readonly hearer: Hearer<C, Event, State>;
  readonly isOver: boolean;
}

/** What {@link openService} needs of its engine. */
export interface ServiceOptions<C extends { readonly type: string }, Event, State> {
  readonly context: BridgeContext;
  readonly dialect: string;
  readonly renderer: Renderer<C, Event, State>;
  readonly sessions: ReadonlySet<Served<C, Event, State>>;
}

/** What a dialect gets once per broker: timers, topics, and sending to many. */
export function openService<C extends { readonly type: string }, Event, State>(
  options: ServiceOptions<C, Event, State>,
): DialectService<Event, State> {
  const { context, dialect, renderer, sessions } = options;
  const attempt = (run: () => void): void => {
    try {
      run();
    } catch (thrown) {
      const { message, stack } = asFault(thrown);
      context.ledger.count("dialect-failed");
      context.log("error", "dialect service failed", { dialect, error: stack ?? message });
    }
  };
  function* hearers(to: Iterable<Session<Event, State>>): Iterable<Hearer<C, Event, State>> {
    const wanted = new Set(to);
    for (const session of sessions) {
      if (session.isOver || !wanted.has(session)) continue;
      // A stream is not a message: who cannot keep up with it misses some, and is asked again by `drained`.
      if (session.backlog > context.limits.wsBacklogMaxBytes / 2) context.ledger.count("stream-skipped");
      else yield session.hearer;
    }
  }
  return {
    services: context.services,
    *sessions() {
      for (const session of sessions) if (!session.isOver) yield session;
    },
    broadcast(event, to) {
      for (const [{ connection }, frame] of renderer.event(event, hearers(to))) connection.send(frame, false);
    },
    subscribe(topic, heard: (envelope: Envelope) => void) {
      return context.router.subscribe(topic, {
        deliver(message: Message) {
          const { envelope } = message;
          if (envelope !== undefined) {
            attempt(() => {
              heard(envelope);
            });
          }
          return false;
        },
        inspects: true,
      });
    },
    after: (ms, run) =>
      context.clock.after(ms, () => {
        attempt(run);
      }),
  };
}
