import { say } from "../output.js";
import { failureLine, exitCodeOf } from "./exit.js";
import { untilInterrupted } from "./until.js";

/** Which daemon, and where. */
export interface WantedDaemon {
  readonly server: string;
  /** The instance's name. */
  readonly name: string;
  readonly identity?: string;
  readonly channels: readonly string[];
}

/** What a daemon in the background tells whoever started it, once. */
export type DaemonReport = { readonly ready: true } | { readonly failed: string; readonly exitCode: number };

/** Runs a daemon until it is interrupted. Started by `--background`, it reports to its starter. */
export async function runDaemon({ server, name, identity, channels }: WantedDaemon): Promise<void> {
  const { AgentChatDaemon } = await import("../../../bridges/agentchat/client-daemon.js");
  const interrupted = untilInterrupted();
  const daemon = new AgentChatDaemon({ server, name, channels, handleSignals: false, ...(identity !== undefined && { identity }) });
  try {
    await daemon.start();
  } catch (thrown) {
    report({ failed: failureLine(thrown), exitCode: exitCodeOf(thrown) });
    throw thrown;
  }
  report({ ready: true });
  say(`agentchat: daemon ${name} runs for ${server} (pid ${process.pid}), in ${daemon.paths.dir}; Ctrl-C ends it`);
  await Promise.race([interrupted, daemon.ended]);
  await daemon.stop();
  const gaveUp = await daemon.ended;
  if (gaveUp !== undefined) throw gaveUp;
}

function report(said: DaemonReport): void {
  if (process.send === undefined) return;
  process.send(said, () => {
    if (process.connected) process.disconnect();
  });
}
