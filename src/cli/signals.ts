/**
 * A signal within so many milliseconds of another one is the same: a terminal sends Ctrl-C to a whole group of
 * programs, and one that stands above this one may pass it on.
 */
const sameMs = 250;

/** A program that has been asked to end lives at least so long: the same signal would end it in its last moment. */
const lingerMs = 50;

/** A signal that asks a program to end. */
export type EndSignal = "SIGINT" | "SIGTERM" | "SIGHUP";

/**
 * Calls `ask` at the first of these signals, and `insist` at each later one that is not the same. SIGHUP never insists:
 * a terminal that closes may send several.
 * @returns ends the watch: after that the signals have their usual action
 */
export function onEndSignals(
  signals: readonly EndSignal[],
  ask: (signal: EndSignal) => void,
  insist: (signal: EndSignal) => void,
): () => void {
  let lastAt: number | undefined;
  const hear = (signal: NodeJS.Signals): void => {
    const now = performance.now();
    const asked = signal as EndSignal; // only these are heard
    const isFirst = lastAt === undefined;
    if (lastAt !== undefined && now - lastAt < sameMs) return;
    lastAt = now;
    if (isFirst) {
      setTimeout(() => undefined, lingerMs);
      ask(asked);
    } else if (signal !== "SIGHUP") insist(asked);
  };
  for (const signal of signals) process.on(signal, hear);
  return () => {
    for (const signal of signals) process.off(signal, hear);
  };
}
