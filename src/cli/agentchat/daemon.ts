import type { Command } from "commander";
import type { DaemonStopped } from "../../../bridges/agentchat/client-daemon.js";
import { print, say, table, type Output } from "../output.js";
import { notConnected, runDaemon } from "./daemon-run.js";
import { startInBackground } from "./daemon-background.js";
import { wrongUsage } from "./exit.js";
import { serverUrl } from "./target.js";

interface Options extends Output {
  readonly name: string;
  readonly identity?: string;
  readonly channels: readonly string[];
  readonly echo: boolean;
  readonly background?: boolean;
  readonly status?: boolean;
  readonly list?: boolean;
  readonly stop?: boolean;
  readonly stopAll?: boolean;
}

const actions = ["status", "list", "stop", "stopAll"] as const;
const defaultChannels: readonly string[] = ["#general", "#agents"];

/** `agentchat daemon`: a connection that stays, spoken to through files (seed 001, daemon module). */
export function daemonCommand(program: Command): void {
  program
    .command("daemon")
    .argument("[server]", "ws://HOST:PORT; not for --status, --list, --stop, --stop-all")
    .description("stay connected; read ./.agentchat/daemons/NAME/inbox.jsonl, append to outbox.jsonl")
    .option("-n, --name <name>", "the instance's name; several can run at once", "default")
    .option("-i, --identity <file>", "your identity, made by agentchat identity --generate")
    .option("-c, --channels <list>", "channels to join, with commas between them (default: #general,#agents)", channelList, [])
    .option("--no-echo", "leave out of the inbox what the daemon says itself")
    .option("-b, --background", "run in the background; prints the pid")
    .option("-s, --status", "show how it is")
    .option("-l, --list", "list all instances")
    .option("--stop", "stop it")
    .option("--stop-all", "stop all that run")
    .option("--json", "print data as JSON")
    .action(async (server: string | undefined, options: Options) => {
      const chosen = actions.filter((action) => options[action] === true);
      if (chosen.length > 1 || (chosen.length === 1 && options.background === true)) throw wrongUsage("one at a time: --background, --status, --list, --stop or --stop-all");
      if (!/^[A-Za-z0-9_-]{1,64}$/.test(options.name)) throw wrongUsage("--name: the instance becomes a folder, so it is 1 to 64 of A-Z a-z 0-9 _ -");
      const [action] = chosen;
      if (action === undefined) await start(server, options);
      else await manage(action, options);
    });
}

async function start(server: string | undefined, { name, identity, channels, echo, background, json }: Options): Promise<void> {
  if (server === undefined) throw wrongUsage("which server? agentchat daemon ws://HOST:PORT");
  const wanted = { server: serverUrl(server), name, channels: channels.length === 0 ? defaultChannels : channels, echo, ...(identity !== undefined && { identity }) };
  if (background !== true) {
    await runDaemon(wanted);
    return;
  }
  const { pid, isConnected } = await startInBackground(wanted);
  print({ ...(json !== undefined && { json }) }, { instance: name, pid, connected: isConnected }, () => String(pid));
  say(`agentchat: daemon ${name} runs in the background; end it with: agentchat daemon --name ${name} --stop`);
  if (!isConnected) say(notConnected(wanted.server, name));
}

async function manage(action: (typeof actions)[number], options: Options): Promise<void> {
  const { getDaemonStatus, listDaemons, stopAllDaemons, stopDaemon } = await import("../../../bridges/agentchat/client-daemon.js");
  switch (action) {
    case "status": {
      const status = getDaemonStatus(options.name);
      print(options, status, () => table(Object.entries(status).map(([what, is]) => [what, typeof is === "string" ? is : JSON.stringify(is)])));
      if (!status.running) throw new Error(`daemon ${options.name} does not run; start it with: agentchat daemon SERVER --name ${options.name} --background`);
      return;
    }
    case "list": {
      const all = listDaemons();
      print(options, all, () => table(all.map(({ instance, running, pid, server }) => [instance, running ? `pid ${pid ?? "?"}` : "stopped", server ?? ""])));
      return;
    }
    case "stop":
      tellStopped(options, await stopDaemon(options.name));
      return;
    case "stopAll": {
      const all = await stopAllDaemons();
      if (options.json === true) print(options, all, () => "");
      for (const one of all) say(stoppedLine(one));
      if (all.length === 0) say("no daemon runs here");
      if (all.some(({ stopped }) => !stopped)) throw new Error("not every daemon has stopped; the lines above say why");
      return;
    }
  }
}

function tellStopped(output: Output, ended: DaemonStopped): void {
  if (output.json === true) print(output, ended, () => "");
  if (!ended.stopped) throw new Error(`${stoppedLine(ended)}; agentchat daemon --list shows those there are`);
  say(stoppedLine(ended));
}

function stoppedLine({ instance, stopped, pid, reason }: DaemonStopped): string {
  return stopped ? `stopped ${instance} (pid ${pid ?? "?"})` : `${instance} was not stopped: ${reason ?? "unknown"}`;
}

/** `#a,#b` or `#a #b`; the option may come several times. */
function channelList(text: string, before: readonly string[]): readonly string[] {
  return [...before, ...text.split(/[\s,]+/).filter((word) => word !== "").map((word) => (word.startsWith("#") ? word : `#${word}`))];
}
