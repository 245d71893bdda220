import { spawn, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { patienceMs } from "./patience.js";

const binary = fileURLToPath(new URL("../../bin/broker.js", import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the real `broker` binary and waits for its end. */
export async function runCli(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const program = startProgram(process.execPath, [binary, ...args], env);
  return program.ended;
}

export interface Program {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves with everything printed so far once it fits. */
  prints(wanted: RegExp, withinMs?: number): Promise<string>;
  /** The same for what is told on stderr. */
  tells(wanted: RegExp, withinMs?: number): Promise<string>;
  stop(signal?: NodeJS.Signals): Promise<Ended>;
}

/** Starts the real `broker` binary and leaves it running. */
export function startCli(args: readonly string[], env: NodeJS.ProcessEnv = {}): Program {
  return startProgram(process.execPath, [binary, ...args], env);
}

/** Starts any program; its output is gathered. `input`: `pipe` where the test writes to `process.stdin`. */
export function startProgram(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  input: "ignore" | "pipe" = "ignore",
): Program {
  const child: ChildProcess = spawn(command, [...args], {
    stdio: [input, "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
  let stdout = "";
  let stderr = "";
  const waiting: (() => void)[] = [];
  const changed = (): void => {
    for (const look of waiting.splice(0)) look();
  };
  child.stdout?.on("data", (text: Buffer) => {
    stdout += text.toString();
    changed();
  });
  child.stderr?.on("data", (text: Buffer) => {
    stderr += text.toString();
    changed();
  });
  const ended = new Promise<Ended>((resolve) => {
    child.once("close", (code) => {
      resolve({ code, stdout, stderr });
    });
  });
  const appears = (text: () => string, wanted: RegExp, withinMs: number): Promise<string> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`${wanted.source} was not said within ${withinMs} ms: ${stdout} ${stderr}`));
      }, withinMs);
      const look = (): void => {
        if (!wanted.test(text())) {
          waiting.push(look);
          return;
        }
        clearTimeout(timer);
        resolve(text());
      };
      look();
    });
  return {
    process: child,
    ended,
    prints: (wanted, withinMs = patienceMs) => appears(() => stdout, wanted, withinMs),
    tells: (wanted, withinMs = patienceMs) => appears(() => stderr, wanted, withinMs),
    async stop(signal = "SIGTERM") {
      child.kill(signal);
      return ended;
    },
  };
}
