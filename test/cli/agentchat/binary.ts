import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startProgram, type Ended, type Program } from "../../kit/cli.js";
import { patienceMs } from "../../kit/patience.js";

/** The real binary. */
export const binary = fileURLToPath(new URL("../../../bin/agentchat.js", import.meta.url));

/** Starts `agentchat` in a folder and leaves it running; `input` is all that it can read. */
export function startAgentchat(
  cwd: string,
  args: readonly string[],
  { input, env = {} }: { readonly input?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Program {
  const feed = input === undefined ? 'exec "$@"' : 'printf %s "$AGENTCHAT_TEST_INPUT" | "$@"';
  return startProgram("sh", ["-c", `cd "$0" && ${feed}`, cwd, process.execPath, binary, ...args], {
    ...env,
    ...(input !== undefined && { AGENTCHAT_TEST_INPUT: input }),
  });
}

/** Runs `agentchat` to its end. */
export async function agentchat(cwd: string, ...args: readonly string[]): Promise<Ended> {
  return startAgentchat(cwd, args).ended;
}

/** A folder of its own with a real `agentchat serve` in it. */
export interface Served {
  readonly home: string;
  readonly url: string;
  readonly server: Program;
  /** Runs a command in the folder. */
  readonly run: (...args: readonly string[]) => Promise<Ended>;
  end(): Promise<void>;
}

/** Starts a server on a port that the system chooses. */
export async function serve(...more: readonly string[]): Promise<Served> {
  const home = await mkdtemp(join(tmpdir(), "agentchat-cli-"));
  const server = startAgentchat(home, [
    "serve",
    "--port",
    "0",
    "--host",
    "127.0.0.1",
    "--name",
    "testing",
    "--rate",
    "0",
    ...more,
  ]);
  const url = /ws:\/\/127\.0\.0\.1:\d+/.exec(await server.prints(/ready at ws:\S+/))?.[0] ?? "";
  return {
    home,
    url,
    server,
    run: (...args) => agentchat(home, ...args),
    async end() {
      await server.stop();
      await rm(home, { recursive: true, force: true });
    },
  };
}

/** `agentchat` on a terminal of its own: a pseudo-terminal of Python's. */
export interface AtTerminal {
  type(keys: string): void;
  /** Resolves with what the screen got since the last call, once it fits. */
  shows(wanted: RegExp, withinMs?: number): Promise<string>;
  readonly ended: Promise<number | null>;
  /** Ends it if it has not ended. */
  end(): void;
}

const onPty = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";

/** Starts `agentchat` on a pseudo-terminal; `messages`: a file that stderr goes to instead. */
export function atTerminal(args: readonly string[], env: NodeJS.ProcessEnv = {}, messages?: string): AtTerminal {
  const elsewhere = messages === undefined ? [] : ["sh", "-c", 'exec "$@" 2>"$0"', messages];
  const child = spawn("python3", ["-c", onPty, ...elsewhere, process.execPath, binary, ...args], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, TERM: "xterm", ...env },
  });
  let screen = "";
  let look = (): void => undefined;
  child.stdout.on("data", (text: Buffer) => {
    screen += text.toString();
    look();
  });
  const ended = new Promise<number | null>((resolve) => {
    child.once("close", resolve);
  });
  return {
    ended,
    type: (keys) => void child.stdin.write(keys),
    end: () => void child.kill("SIGKILL"),
    shows: (wanted, withinMs = patienceMs) =>
      new Promise((resolve, reject) => {
        const late = setTimeout(() => {
          reject(new Error(`${wanted.source} was not shown within ${withinMs} ms: ${JSON.stringify(screen)}`));
        }, withinMs);
        look = () => {
          const found = wanted.exec(screen);
          if (found === null) return;
          clearTimeout(late);
          look = () => undefined;
          const shown = screen.slice(0, found.index + found[0].length);
          screen = screen.slice(shown.length);
          resolve(shown);
        };
        look();
      }),
  };
}
