import type { Log } from "../../../src/core/index.js";

/**
 * The application's log, with the agent's name in each line. An error in it must not stop the agent. Without a log what
 * went wrong is told as a warning of the process, each event once: a handler that fails must not do so in silence.
 */
export function logOf(agent: string, log: Log | undefined): Log {
  // bound: the events that there are · evicts: never, each is told once · owner: the agent
  const warned = new Set<string>();
  return (level, event, fields) => {
    if (log === undefined && level === "error" && !warned.has(event)) {
      warned.add(event);
      const why = typeof fields?.["cause"] === "string" ? `: ${fields["cause"]}` : "";
      process.emitWarning(`agent ${agent}: ${event}${why}; give connect a log to be told of each`);
    }
    try {
      log?.(level, event, { agent, ...fields });
    } catch (thrown) {
      process.emitWarning(`agent ${agent}: its log failed: ${String(thrown)}`);
    }
  };
}
