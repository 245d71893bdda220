import type { Insight, LookedAt, Services, Telemetry } from "#dialect";
import { outletOf } from "./outlet.js";
import { graphStreams } from "./stream-name.js";
import type { StreamService, StreamSession } from "./stream-session.js";
import { Viewer } from "./viewer.js";
import { Watch } from "./watch.js";

/** All who look, and what runs while somebody does. One per broker. */
class Streams {
  // bound: wsConnectionsMax · evicts: a session when it ends · owner: Streams
  readonly #viewers = new Map<string, Viewer>();
  // bound: what can be looked at · evicts: with the last viewer who wants it · owner: Streams
  readonly #looks = new Map<LookedAt, () => void>();
  #service: StreamService | undefined;
  #watch: Watch | undefined;

  serve(service: StreamService): () => void {
    this.#service = service;
    return () => {
      this.#viewers.clear();
      this.#look();
      this.#service = undefined;
    };
  }

  /** Takes a session in, tells it more or less, or lets it go, by what it may see now. */
  changed(session: StreamSession): void {
    const { insight } = session.state;
    const viewer = this.#viewers.get(session.id);
    if (insight === undefined) this.leave(session);
    else if (viewer === undefined) this.#enter(session, insight);
    else {
      viewer.selected(insight);
      this.#look();
    }
  }

  leave(session: StreamSession): void {
    const viewer = this.#viewers.get(session.id);
    if (viewer === undefined) return;
    viewer.phase = "gone";
    this.#viewers.delete(session.id);
    this.#look();
  }

  #enter(session: StreamSession, insight: Insight): void {
    this.#viewers.set(session.id, new Viewer(session, insight));
    this.#look();
  }

  /** Looks at what somebody wants to see, and at nothing else. */
  #look(): void {
    const service = this.#service;
    if (service === undefined) return;
    const { telemetry } = service.services;
    const viewers = [...this.#viewers.values()];
    this.#lookAt("agents", viewers.length > 0, telemetry);
    this.#lookAt(
      "graph",
      viewers.some((viewer) => viewer.wantsAny(graphStreams)),
      telemetry,
    );
    this.#lookAt(
      "positions",
      viewers.some((viewer) => viewer.wants("agent.positions")),
      telemetry,
    );
    const [first] = viewers;
    if (first === undefined) {
      this.#watch?.end();
      this.#watch = undefined;
    } else if (this.#watch === undefined) {
      const { session } = first;
      this.#watch = new Watch({ service, viewers: this.#viewers, id: session.newId(), now: () => session.now() });
    }
  }

  #lookAt(what: LookedAt, isWanted: boolean, telemetry: Telemetry): void {
    const end = this.#looks.get(what);
    if (isWanted && end === undefined) this.#looks.set(what, telemetry.look(what));
    if (isWanted || end === undefined) return;
    this.#looks.delete(what);
    end();
  }
}

function streamsOf(services: Services): Streams {
  return services.once("streams", () => new Streams());
}

/** Shows what happens to all who look, once per broker. The returned function ends it. */
export function serve(service: StreamService): () => void {
  return streamsOf(service.services).serve(service);
}

/**
 * The session is told all that it selects from now on, if it may see anything: first all agents, then what happens.
 * Called behind the `handshake_ack`, and whenever its rights or what it selects have changed.
 */
export function enter(session: StreamSession): void {
  streamsOf(session.services).changed(session);
}

/** The session has ended. */
export function leave(session: StreamSession): void {
  streamsOf(session.services).leave(session);
}

/** The session's socket keeps up again: what waits for it goes out. */
export function drained(session: StreamSession): void {
  outletOf(session).flush();
}
