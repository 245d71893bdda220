import type { Command } from "commander";
import { print, say, type Output } from "../output.js";
import { startInBackground } from "./daemon-background.js";
import { manageDaemons, type DaemonAction } from "./daemon-manage.js";
import { notConnected, runDaemon } from "./daemon-run.js";
import { wrongUsage } from "./exit.js";
import { mustBeFree } from "./identity-in-use.js";
import { readOwnIdentity } from "./identity-read.js";
import { channelNames, serverUrl } from "./target.js";

interface Options extends Output, Partial<Readonly<Record<DaemonAction, boolean>>> {
  readonly name: string;
  readonly identity?: string;
  readonly channels?: readonly string[];
  readonly echo: boolean;
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

/** `agentchat daemon`: a connection that stays, spoken to through files (seed 001, daemon module). */
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
    .option("--no-echo", "leave out of the inbox what the daemon says itself")
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
      if (!/^[A-Za-z0-9_-]{1,64}$/.test(options.name))
        throw wrongUsage("--name: the instance becomes a folder, so it is 1 to 64 of A-Z a-z 0-9 _ -");
      const [action] = chosen;
      if (action === undefined) await start(server, options);
      else await manageDaemons(action, options.name, options);
    });
}

async function start(
  server: string | undefined,
  { name, identity, channels = defaultChannels, echo, background, force = false, json }: Options,
): Promise<void> {
  if (server === undefined) throw wrongUsage("which server? agentchat daemon ws://HOST:PORT");
  const meant = Object.values(flags).find((flag) => flag === `--${server}`);
  if (meant !== undefined) throw wrongUsage(`${server} is no server; did you mean ${meant}?`);
  const wanted = {
    server: serverUrl(server),
    name,
    channels,
    echo,
    force,
    ...(identity !== undefined && { identity }),
  };
  if (identity !== undefined) {
    // One that bears the same name is told to be running by whoever starts the second.
    if (!force)
      await mustBeFree(identity, wanted.server, {
        byFiles: { instead: "use that one's inbox.jsonl and outbox.jsonl" },
        except: name,
      });
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

/** `#a,#b` or `#a #b`; the option may come several times. */
function channelList(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, ...channelNames([text])];
}
