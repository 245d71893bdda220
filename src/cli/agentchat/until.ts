import { say } from "../output.js";

/**
 * Resolves at the first SIGINT, SIGTERM or SIGHUP; a second SIGINT or SIGTERM ends the process at once. A terminal that
 * closes may say SIGHUP several times.
 */
export function untilInterrupted(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let isEnding = false;
    const end = (signal: NodeJS.Signals): void => {
      if (isEnding && signal !== "SIGHUP") {
        say("agentchat: ended at once");
        process.exit(1);
      }
      isEnding = true;
      resolve(signal);
    };
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, end);
  });
}
