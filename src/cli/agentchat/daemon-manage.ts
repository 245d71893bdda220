import { join } from "node:path";
import type { DaemonStatus, DaemonStopped } from "../../../clients/typescript/agentchat/daemon.js";
import { print, say, table, type Output } from "../output.js";
import { statusTable } from "./daemon-table.js";

/** What can be done about daemons that are there. */
export type DaemonAction = "status" | "list" | "stop" | "stopAll";

/** Shows or stops daemons of this folder. @throws Error if the one that is meant does not run, or does not stop */
export async function manageDaemons(action: DaemonAction, name: string, output: Output): Promise<void> {
  const { getDaemonStatus, listDaemons, stopAllDaemons, stopDaemon } =
    await import("../../../clients/typescript/agentchat/daemon.js");
  const all = listDaemons();
  const isKnown = all.some(({ instance }) => instance === name);
  switch (action) {
    case "status": {
      const status = getDaemonStatus(name);
      if (isKnown || output.json === true) print(output, status, () => statusTable(status));
      if (!isKnown) throw new Error(unknown(name, all));
      if (!status.running)
        throw new Error(
          `daemon ${name} does not run; start it with: agentchat daemon SERVER --name ${name} --background`,
        );
      return;
    }
    case "list":
      print(output, all, () => table(all.map((one) => [one.instance, stateOf(one), one.server ?? ""])));
      if (all.length === 0 && output.json !== true) say(none());
      return;
    case "stop":
      if (!isKnown && output.json !== true) throw new Error(unknown(name, all));
      tellStopped(output, await stopDaemon(name));
      return;
    case "stopAll": {
      const stopped = await stopAllDaemons();
      if (output.json === true) print(output, stopped, () => "");
      for (const one of stopped) say(stoppedLine(one));
      if (stopped.length === 0) say(all.length === 0 ? none() : "no daemon runs here");
      if (stopped.some((one) => !one.stopped)) throw new Error("not every daemon has stopped; the lines above say why");
      return;
    }
  }
}

function stateOf({ running, pid, connected }: DaemonStatus): string {
  if (!running) return "stopped";
  return `pid ${pid ?? "?"}${connected ? "" : " (not connected)"}`;
}

function none(): string {
  return `no daemon in ${join(process.cwd(), ".agentchat", "daemons")}; daemons belong to the folder they were started in`;
}

function unknown(name: string, all: readonly DaemonStatus[]): string {
  if (all.length === 0) return none();
  return `no daemon ${name} in ${join(process.cwd(), ".agentchat", "daemons")}; there are: ${all.map(({ instance }) => instance).join(", ")} (--name says which)`;
}

function tellStopped(output: Output, ended: DaemonStopped): void {
  if (output.json === true) print(output, ended, () => "");
  if (!ended.stopped) throw new Error(`${stoppedLine(ended)}; agentchat daemon --list shows those there are`);
  say(stoppedLine(ended));
}

function stoppedLine({ instance, stopped, pid, reason }: DaemonStopped): string {
  return stopped ? `stopped ${instance} (pid ${pid ?? "?"})` : `${instance} was not stopped: ${reason ?? "unknown"}`;
}
