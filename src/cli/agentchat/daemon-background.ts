import { spawn, type ChildProcess } from "node:child_process";
import type { DaemonReport, WantedDaemon } from "./daemon-run.js";
import { CommandFailure } from "./exit.js";

/** A daemon that has said neither yes nor no by then is left alone, and told so. */
const startMs = 20_000;

/** Starts this program's daemon as a process of its own; resolves once it runs. */
export async function startInBackground({
  server,
  name,
  identity,
  channels,
  echo,
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
          `the daemon ${name} (pid ${child.pid ?? "?"}) did not start within ${startMs} ms; its daemon.log says why, agentchat daemon --name ${name} --stop ends it`,
        ),
      );
    }, startMs);
    const fail = (error: Error): void => {
      clearTimeout(late);
      reject(error);
    };
    child.once("message", (said) => {
      const report = said as DaemonReport; // our own program's word
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
