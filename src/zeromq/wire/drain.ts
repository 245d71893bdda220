import type { Clock, Flusher, Limits } from "../../core/index.js";
import type { Connection } from "./connection.js";

export interface DrainOptions {
  readonly connections: ReadonlySet<Connection>;
  readonly clock: Clock;
  readonly flusher: Flusher;
  readonly limits: Limits;
  /** Monotonic: when a publisher was last heard. */
  readonly heardAt: () => number;
  readonly deadline: AbortSignal;
}

const lookAgainMs = 5;

/**
 * The end of all connections (measured rules, 19): publishers are read until they are quiet, since destroying unread
 * sockets loses uncounted
 * messages; subscribers get what waits for them; then FIN, and a while for the peers to close.
 */
export async function drainConnections(options: DrainOptions): Promise<void> {
  const { connections, flusher, limits } = options;
  await until(options, limits.drainReadMs, quietness(options));
  for (const connection of [...connections]) if (connection.door === "in") connection.leave();
  await until(options, limits.drainFlushMs, () => {
    flusher.flush();
    return [...connections].every(({ door, side }) => door === "in" || side === undefined || side.buffered === 0);
  });
  for (const connection of [...connections]) connection.leave();
  await until(options, limits.drainQuietMs, () => [...connections].every(({ phase }) => phase !== "leaving"));
}

/**
 * A check that holds once publishers have been quiet for long enough. A loop that was busy elsewhere has not read, so a
 * look counts for
 * twice its usual distance at most.
 */
function quietness({ clock, connections, heardAt, limits }: DrainOptions): () => boolean {
  let quietMs = 0;
  let lookedAt = clock.monotonic();
  let lastHeardAt = heardAt();
  return () => {
    const now = clock.monotonic();
    quietMs = heardAt() === lastHeardAt ? quietMs + Math.min(now - lookedAt, 2 * lookAgainMs) : 0;
    lookedAt = now;
    lastHeardAt = heardAt();
    return quietMs >= limits.drainQuietMs || ![...connections].some(({ door }) => door === "in");
  };
}

/** Waits until `check` holds, `forMs` have passed, or the deadline aborts. */
async function until({ clock, deadline }: DrainOptions, forMs: number, check: () => boolean): Promise<void> {
  const end = clock.monotonic() + forMs;
  while (!check() && !deadline.aborted && clock.monotonic() < end) {
    await new Promise<void>((resolve) => {
      clock.after(lookAgainMs, resolve);
    });
  }
}
