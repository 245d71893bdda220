import { asFault, type Envelope, type Message } from "../../core/index.js";
import type { DialectService, DialectTypes, Session } from "../../dialect/index.js";
import type { SessionOwner } from "./session-owner.js";
import type { BridgeSession } from "./session.js";

/** What a dialect gets once per broker: timers, topics, and sending to many. */
export function openService<T extends DialectTypes>(
  { context, dialect, hearing }: SessionOwner<T>,
  sessions: ReadonlySet<BridgeSession<T>>,
): DialectService<T> {
  const attempt = (run: () => void): void => {
    try {
      run();
    } catch (thrown) {
      const { message, stack } = asFault(thrown);
      context.ledger.count("dialect-failed");
      context.log("error", "dialect service failed", { dialect: dialect.name, error: stack ?? message });
    }
  };
  const isBehind = ({ backlog }: Pick<Session<T>, "backlog">): boolean =>
    backlog > context.limits.wsBacklogMaxBytes / 2;
  function* hearers(to: Iterable<Session<T>>): Iterable<BridgeSession<T>> {
    const wanted = new Set(to);
    for (const session of sessions) {
      if (session.isOver || !wanted.has(session)) continue;
      // A stream is not a message: a session that cannot keep up misses some of it, and is asked again by `drained`.
      if (isBehind(session)) context.ledger.count("stream-skipped");
      else yield session;
    }
  }
  return {
    services: context.services,
    *sessions() {
      for (const session of sessions) if (!session.isOver) yield session;
    },
    broadcast(event, to) {
      hearing.broadcast(event, hearers(to));
    },
    broadcastFrame(frame, to) {
      hearing.broadcastFrame(frame, hearers(to));
    },
    isBehind,
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
        sight: "all",
      });
    },
    after: (ms, run) =>
      context.clock.after(ms, () => {
        attempt(run);
      }),
  };
}
