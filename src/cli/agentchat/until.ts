import { say } from "../output.js";

/** Resolves at the first SIGINT or SIGTERM; the second ends the process at once. */
export function untilInterrupted(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    const end = (signal: NodeJS.Signals): void => {
      for (const name of ["SIGINT", "SIGTERM"] as const) {
        process.removeListener(name, end);
        process.once(name, () => {
          say("agentchat: ended at once");
          process.exit(1);
        });
      }
      resolve(signal);
    };
    process.once("SIGINT", end);
    process.once("SIGTERM", end);
  });
}
