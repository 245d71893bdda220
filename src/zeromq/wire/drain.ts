import type { Clock, Flusher, Limits } from "../../core/index.js";
import type { Connection } from "./connection.js";

/** What there is to end, and until when. */
export interface DrainOptions {
  readonly connections: ReadonlySet<Connection>;
  readonly clock: Clock;
  readonly flusher: Flusher;
  readonly limits: Limits;
  /** Monotonic: when a publisher was last heard. */
  readonly heardAt: () => number;
  readonly deadline: AbortSignal;
}

const pollMs = 5;

/**
 * Ends all connections (ZeroMQ §3.4). Publishers are read until they are quiet, because messages in a socket that is
 * destroyed unread are lost uncounted; subscribers get what waits for them; then FIN, and some time for the peers to
 * close.
 */
export async function drainConnections(options: DrainOptions): Promise<void> {
  const { connections, flusher, limits } = options;
  await until(options, limits.drainReadMs, quietness(options));
  for (const connection of [...connections]) if (connection.door === "in") connection.leave();
  await until(options, limits.drainFlushMs, () => {
    flusher.flush();
    return [...connections].every(
      ({ door, connected }) => door === "in" || connected === undefined || connected.buffered === 0,
    );
  });
  for (const connection of [...connections]) connection.leave();
  await until(options, limits.drainQuietMs, () => [...connections].every(({ phase }) => phase !== "leaving"));
}

/**
 * Returns a check that is true once publishers have been quiet for long enough. While the loop was busy elsewhere it
 * has not read, so the time since the last check counts as two polls at most.
 */
function quietness({ clock, connections, heardAt, limits }: DrainOptions): () => boolean {
  let quietMs = 0;
  let checkedAt = clock.monotonic();
  let lastHeardAt = heardAt();
  return () => {
    const now = clock.monotonic();
    quietMs = heardAt() === lastHeardAt ? quietMs + Math.min(now - checkedAt, 2 * pollMs) : 0;
    checkedAt = now;
    lastHeardAt = heardAt();
    return quietMs >= limits.drainQuietMs || ![...connections].some(({ door }) => door === "in");
  };
}

/** Waits until `check` is true, `forMs` have passed, or the deadline aborts. */
async function until({ clock, deadline }: DrainOptions, forMs: number, check: () => boolean): Promise<void> {
  const end = clock.monotonic() + forMs;
  while (!check() && !deadline.aborted && clock.monotonic() < end) {
    await new Promise<void>((resolve) => {
      clock.after(pollMs, resolve);
    });
  }
}
