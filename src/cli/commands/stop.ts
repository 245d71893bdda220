import { statSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import type { Command } from "commander";
import { Fault } from "../../core/index.js";
import { DataDirectory, resolveDataDirectory, type LockHolder } from "../../storage/index.js";
import { errorCode } from "../../storage/remedy.js";
import type { BrokerChoice } from "../operator.js";
import { print, say, type Output } from "../output.js";

/** How long a broker may take to finish what is under way, milliseconds: longer than its default drain limits. */
const stopMs = 60_000;
const lookMs = 50;

/** `broker stop`: asks the broker of a data directory to end, as SIGTERM does, and waits until it has. */
export function stopCommand(program: Command): void {
  program
    .command("stop")
    .description("stop the broker: it finishes what is under way; returns when it is gone")
    .action(async (_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<BrokerChoice & Output>();
      const data = new DataDirectory(resolveDataDirectory({ dataDir: options.dataDir }));
      const holder = data.holder();
      if (holder === undefined)
        throw new Fault("unavailable", `no broker runs on ${data.path}; if yours uses another folder: --data-dir`);
      askToEnd(data, holder);
      if (options.json !== true) say(`broker: asked pid ${holder.pid} to stop, waiting until it has`);
      await untilGone(data, holder);
      print(options, { stopped: holder.pid }, () => `stopped: pid ${holder.pid}, ${data.path}`);
    });
}

/** @throws Fault forbidden: the process is another user's or another container's */
function askToEnd(data: DataDirectory, { pid, isElsewhere }: LockHolder): void {
  if (isElsewhere)
    throw new Fault(
      "forbidden",
      `the broker of ${data.path} runs in another container or on another machine (pid ${pid} there): stop it there`,
    );
  // The lock file is its owner's: it must not make root end somebody else's process.
  const [owner, other] = [ownerOf(data.file("broker.pid")), ownerOf(`/proc/${pid}`)];
  const isForeign = other === undefined ? process.getuid?.() === 0 && owner !== 0 : owner !== other;
  if (isForeign)
    throw new Fault(
      "forbidden",
      `${data.file("broker.pid")} names pid ${pid}, which is not its owner's: stop it by hand`,
    );
  try {
    process.kill(pid, "SIGTERM");
  } catch (thrown) {
    if (errorCode(thrown) === "ESRCH") return; // it has ended meanwhile
    throw new Fault("forbidden", `this user may not stop pid ${pid}: run this as the user that runs the broker`, {
      cause: thrown,
    });
  }
}

/** The user whose file this is; undefined if it is not there. */
function ownerOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.uid;
}

/** @throws Fault timeout */
async function untilGone(data: DataDirectory, { pid }: LockHolder): Promise<void> {
  const end = performance.now() + stopMs;
  while (data.holder()?.pid === pid) {
    if (performance.now() > end)
      throw new Fault(
        "timeout",
        `pid ${pid} has not stopped within ${stopMs / 1_000} s; kill -9 ${pid} ends it at once`,
      );
    await pause(lookMs);
  }
}
