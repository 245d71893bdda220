import type { Command } from "commander";
import { join } from "node:path";
import type { DaemonStatus, DaemonStopped } from "../../../clients/typescript/agentchat/daemon.js";
import { print, say, table, untrustedText, type Output } from "../output.js";
import { notConnected, runDaemon, startInBackground } from "./daemon-run.js";
import { wrongUsage } from "./exit.js";
import { channelNames, serverUrl } from "./options.js";
import { mustBeFree, readOwnIdentity } from "./own-identity.js";

interface Options extends Output, Partial<Readonly<Record<DaemonAction, boolean>>> {
  readonly name: string;
  readonly identity?: string;
  readonly channels?: readonly string[];
  readonly echo: boolean;
  readonly mailbox?: boolean;
  readonly background?: boolean;
  readonly force?: boolean;
}

const flags: Readonly<Record<DaemonAction, string>> = {
  status: "--status",
  list: "--list",
  stop: "--stop",
  stopAll: "--stop-all",
};
const actions = Object.keys(flags) as readonly DaemonAction[]; // its keys
const defaultChannels: readonly string[] = ["#general", "#agents"];

/** `agentchat daemon`: a connection that stays, spoken to through files (AgentChat §9). */
export function daemonCommand(program: Command): void {
  program
    .command("daemon")
    .argument("[server]", "ws://HOST:PORT; not for --status, --list, --stop, --stop-all")
    .description("stay connected; read ./.agentchat/daemons/NAME/inbox.jsonl, append to outbox.jsonl")
    .option("-n, --name <name>", "the instance's name; several can run at once", "default")
    .option("-i, --identity <file>", "your identity, made by agentchat identity --generate")
    .option(
      "-c, --channels <list>",
      `channels to join, with commas between them (default: ${defaultChannels.join(",")})`,
      channelList,
    )
    .option("--no-echo", "keep the daemon's own messages out of its inbox")
    .option("--mailbox", "have the server keep what is said to you while the daemon is away; needs --identity")
    .option("-b, --background", "run in the background; prints the pid")
    .option("-s, --status", "show how it is")
    .option("-l, --list", "list all instances")
    .option("--stop", "stop it")
    .option("--stop-all", "stop all that run")
    .option("--force", "even if another daemon of this folder uses the identity: its session ends")
    .option("--json", "print data as JSON")
    .action(async (server: string | undefined, options: Options) => {
      const chosen = actions.filter((action) => options[action] === true);
      if (chosen.length > 1 || (chosen.length === 1 && options.background === true))
        throw wrongUsage("one at a time: --background, --status, --list, --stop or --stop-all");
      mustBeInstance(options.name);
      const [action] = chosen;
      if (action === undefined) await start(server, options);
      else await manageDaemons(action, options.name, options);
    });
}

/** @throws CommandFailure for a name that no instance can have */
export function mustBeInstance(name: string): void {
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(name))
    throw wrongUsage("--name: the instance becomes a folder, so it is 1 to 64 of A-Z a-z 0-9 _ -");
}

async function start(
  server: string | undefined,
  { name, identity, channels = defaultChannels, echo, mailbox = false, background, force = false, json }: Options,
): Promise<void> {
  if (server === undefined) throw wrongUsage("which server? agentchat daemon ws://HOST:PORT");
  const meant = Object.values(flags).find((flag) => flag === `--${server}`);
  if (meant !== undefined) throw wrongUsage(`${server} is not a server; did you mean ${meant}?`);
  if (mailbox && identity === undefined)
    throw wrongUsage("--mailbox is for an agent that can prove who it is: give --identity FILE, too");
  const wanted = {
    server: serverUrl(server),
    name,
    channels,
    echo,
    mailbox,
    force,
    ...(identity !== undefined && { identity }),
  };
  if (identity !== undefined) {
    // A running daemon of the same name is not reported here: the start itself does it.
    if (!force)
      await mustBeFree(identity, wanted.server, { instead: "use that one's inbox.jsonl and outbox.jsonl" }, name);
    await readOwnIdentity(identity);
  }
  if (background !== true) {
    await runDaemon(wanted);
    return;
  }
  const { pid, isConnected } = await startInBackground(wanted);
  print({ ...(json !== undefined && { json }) }, { instance: name, pid, connected: isConnected }, () => String(pid));
  say(`agentchat: daemon ${name} runs in the background; end it with: agentchat daemon --name ${name} --stop`);
  if (!isConnected) say(await notConnected(wanted.server, name));
}

/** Reads `#a,#b` or `#a #b`; the option may be repeated. */
function channelList(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, ...channelNames([text])];
}

/** What can be done with existing daemons. */
export type DaemonAction = "status" | "list" | "stop" | "stopAll";

/** Shows or stops daemons of this folder. @throws Error if the named one does not exist, run or stop */
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
  return `no daemon in ${daemonsFolder()}; daemons belong to the folder they were started in`;
}

/** Why there is no such daemon, and which there are. */
export function unknown(name: string, all: readonly DaemonStatus[]): string {
  if (all.length === 0) return none();
  const names = all.map(({ instance }) => instance).join(", ");
  return `no daemon ${name} in ${daemonsFolder()}; there are: ${names} (--name says which)`;
}

function daemonsFolder(): string {
  return join(process.cwd(), ".agentchat", "daemons");
}

function tellStopped(output: Output, ended: DaemonStopped): void {
  if (output.json === true) print(output, ended, () => "");
  if (!ended.stopped) throw new Error(`${stoppedLine(ended)}; agentchat daemon --list shows those there are`);
  say(stoppedLine(ended));
}

function stoppedLine({ instance, stopped, pid, reason }: DaemonStopped): string {
  return stopped ? `stopped ${instance} (pid ${pid ?? "?"})` : `${instance} was not stopped: ${reason ?? "unknown"}`;
}

/** The status of a daemon, for people: times in ISO 8601, lists as words. */
export function statusTable(status: DaemonStatus): string {
  return table(Object.entries(status).map(([what, is]) => [what, untrustedText(wordsOf(what, is))]));
}

function wordsOf(what: string, is: unknown): string {
  if (typeof is === "string") return is.trim();
  if (typeof is === "boolean") return is ? "yes" : "no";
  if (typeof is === "number" && what.endsWith("At")) return new Date(is).toISOString();
  if (Array.isArray(is))
    return is.length === 0
      ? "none"
      : is.map((one) => wordsOf("", one)).join(is.some((one) => typeof one === "object") ? ", " : " ");
  if (typeof is === "object" && is !== null)
    return Object.values(is)
      .map((value) => wordsOf("", value))
      .join(" ");
  return String(is);
}
