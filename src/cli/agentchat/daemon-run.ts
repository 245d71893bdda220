import { spawn, type ChildProcess } from "node:child_process";
import { say, untrustedText } from "../output.js";
import {
  CommandFailure,
  connectWords,
  exitCodeOf,
  exitCodes,
  failureLine,
  serverCode,
  untilInterrupted,
} from "./exit.js";

/** A daemon to start. */
export interface WantedDaemon {
  readonly server: string;
  /** The instance's name. */
  readonly name: string;
  readonly identity?: string;
  readonly channels: readonly string[];
  /** False: its own messages do not come into its inbox. */
  readonly echo: boolean;
  /** True: the server keeps what is said to the agent while the daemon is away. */
  readonly mailbox: boolean;
  /** True: it starts even if another daemon of this folder uses the identity. */
  readonly force: boolean;
}

/** What a daemon in the background tells the process that started it, once. */
export type DaemonReport =
  { readonly ready: true; readonly isConnected: boolean } | { readonly failed: string; readonly exitCode: number };

/** Runs a daemon until it is interrupted. Started by `--background`, it reports to its starter. */
export async function runDaemon({ server, name, identity, channels, echo, mailbox }: WantedDaemon): Promise<void> {
  const { AgentChatDaemon } = await import("../../../clients/typescript/agentchat/daemon.js");
  const interrupted = untilInterrupted();
  const ending = new AbortController();
  const daemon = new AgentChatDaemon({
    server,
    name,
    channels,
    echo,
    mailbox,
    handleSignals: false,
    ...(identity !== undefined && { identity }),
  });
  void interrupted.then(() => {
    ending.abort();
    return daemon.stop(); // this also works while it is starting
  });
  try {
    await daemon.start();
  } catch (error) {
    const thrown = refusedForGood(error);
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
  if (gaveUp !== undefined) throw refusedForGood(gaveUp);
}

/** A server's refusal of the agent itself, also one that only servers of other makers have, ends with 4. */
function refusedForGood(thrown: unknown): unknown {
  if (!(thrown instanceof Error) || !("call" in thrown) || serverCode(thrown) !== undefined) return thrown;
  const code = "code" in thrown && typeof thrown.code === "string" ? `${thrown.code}: ` : "";
  return new CommandFailure(exitCodes.refused, untrustedText(`${code}${thrown.message}`), thrown);
}

/** The line for people when a daemon runs, but the server has not accepted it yet. */
export async function notConnected(server: string, name: string): Promise<string> {
  const { getDaemonStatus } = await import("../../../clients/typescript/agentchat/daemon.js");
  const { lastError } = getDaemonStatus(name);
  const why = lastError === undefined ? "" : `\nagentchat: ${connectWords(server, server, new Error(lastError))}`;
  return (
    `agentchat: the daemon is not connected to ${server} yet; it goes on trying, ` +
    `and .agentchat/daemons/${name}/daemon.log says how it goes${why}`
  );
}

function report(said: DaemonReport): void {
  if (process.send === undefined) return;
  process.send(said, () => {
    if (process.connected) process.disconnect();
  });
}

/** How long to wait for the report of a daemon; after that it goes on running, and an error says how to end it. */
const startMs = 20_000;

/**
 * Starts a daemon as a process of its own and waits until it runs.
 * @throws CommandFailure what the daemon reports; Error if it does not start or reports nothing
 */
export async function startInBackground({
  server,
  name,
  identity,
  channels,
  echo,
  mailbox,
  force,
}: WantedDaemon): Promise<{ readonly pid: number; readonly isConnected: boolean }> {
  const [, program = ""] = process.argv;
  const args = [
    program,
    "daemon",
    server,
    "--name",
    name,
    "--channels",
    channels.join(","),
    ...(identity === undefined ? [] : ["--identity", identity]),
    ...(echo ? [] : ["--no-echo"]),
    ...(mailbox ? ["--mailbox"] : []),
    ...(force ? ["--force"] : []),
  ];
  const child = spawn(process.execPath, args, { detached: true, stdio: ["ignore", "ignore", "ignore", "ipc"] });
  let isConnected: boolean;
  try {
    ({ isConnected } = await firstReport(child, name));
  } finally {
    if (child.connected) child.disconnect();
    child.unref();
  }
  if (child.pid === undefined) throw new Error(`the daemon ${name} could not be started`);
  return { pid: child.pid, isConnected };
}

function firstReport(child: ChildProcess, name: string): Promise<{ readonly isConnected: boolean }> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => {
      fail(
        new Error(
          `the daemon ${name} (pid ${child.pid ?? "?"}) did not start within ${startMs} ms; ` +
            `its daemon.log says why, agentchat daemon --name ${name} --stop ends it`,
        ),
      );
    }, startMs);
    const fail = (error: Error): void => {
      clearTimeout(late);
      reject(error);
    };
    child.once("message", (said) => {
      const report = said as DaemonReport; // this program itself has sent it
      if ("ready" in report) {
        clearTimeout(late);
        resolve(report);
      } else fail(new CommandFailure(report.exitCode, report.failed));
    });
    child.once("error", fail);
    child.once("exit", (code) => {
      fail(
        new Error(`the daemon ${name} ended at once with code ${code ?? "?"}; run it without --background to see why`),
      );
    });
  });
}
