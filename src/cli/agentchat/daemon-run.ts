import { say } from "../output.js";
import { failureLine, exitCodeOf } from "./exit.js";
import { connectWords } from "./network-words.js";
import { untilInterrupted } from "./until.js";

/** Which daemon, and where. */
export interface WantedDaemon {
  readonly server: string;
  /** The instance's name. */
  readonly name: string;
  readonly identity?: string;
  readonly channels: readonly string[];
  /** False: what it says itself does not come into its inbox. */
  readonly echo: boolean;
  /** It was said to start although another daemon of this folder has the identity. */
  readonly force: boolean;
}

/** What a daemon in the background tells whoever started it, once. */
export type DaemonReport =
  { readonly ready: true; readonly isConnected: boolean } | { readonly failed: string; readonly exitCode: number };

/** Runs a daemon until it is interrupted. Started by `--background`, it reports to its starter. */
export async function runDaemon({ server, name, identity, channels, echo }: WantedDaemon): Promise<void> {
  const { AgentChatDaemon } = await import("../../../clients/typescript/agentchat/daemon.js");
  const interrupted = untilInterrupted();
  const ending = new AbortController();
  const daemon = new AgentChatDaemon({
    server,
    name,
    channels,
    echo,
    handleSignals: false,
    ...(identity !== undefined && { identity }),
  });
  void interrupted.then(() => {
    ending.abort();
    return daemon.stop(); // also while it is starting
  });
  try {
    await daemon.start();
  } catch (thrown) {
    report({ failed: failureLine(thrown), exitCode: exitCodeOf(thrown) });
    throw thrown;
  }
  if (!ending.signal.aborted) {
    const isConnected = daemon.agentId !== undefined;
    report({ ready: true, isConnected });
    say(`agentchat: daemon ${name} runs for ${server} (pid ${process.pid}), in ${daemon.paths.dir}; Ctrl-C ends it`);
    if (!isConnected) say(await notConnected(server, name));
  }
  const gaveUp = await daemon.ended;
  if (gaveUp !== undefined) throw gaveUp;
}

/** What a daemon's starter is told when it runs without a server. */
export async function notConnected(server: string, name: string): Promise<string> {
  const { getDaemonStatus } = await import("../../../clients/typescript/agentchat/daemon.js");
  const { lastError } = getDaemonStatus(name);
  const why = lastError === undefined ? "" : `\nagentchat: ${connectWords(server, server, new Error(lastError))}`;
  return `agentchat: ${server} has not taken it in yet; it goes on trying, and .agentchat/daemons/${name}/daemon.log says how it goes${why}`;
}

function report(said: DaemonReport): void {
  if (process.send === undefined) return;
  process.send(said, () => {
    if (process.connected) process.disconnect();
  });
}
