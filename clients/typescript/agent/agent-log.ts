import type { Log } from "../../../src/core/index.js";

/** The application's log, with the agent's name in each line. An error in it must not stop the agent. */
export function logOf(agent: string, log: Log | undefined): Log {
  return (level, event, fields) => {
    try {
      log?.(level, event, { agent, ...fields });
    } catch (thrown) {
      process.emitWarning(`agent ${agent}: its log failed: ${String(thrown)}`);
    }
  };
}
