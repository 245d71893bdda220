import { readFileSync, readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BrokerStatus } from "../../src/index.js";
import { runCli, startProgram, type Program } from "../../test/kit/cli.js";
import { patienceMs } from "../../test/kit/patience.js";
import type { Course } from "./scenario.js";

/** How a broker is started. */
export interface BrokerStart {
  /** Limits of LIMITS.md by name. */
  readonly limits?: Readonly<Record<string, number>>;
  /** What the shell does before it becomes the broker: `ulimit -n 128`. */
  readonly ulimit?: string;
}

interface Ready {
  readonly pid: number;
  readonly zmqIn: readonly string[];
  readonly zmqOut: readonly string[];
  readonly ws: readonly string[];
}

/** A real broker in a process and a folder of its own, which can be killed and started again at the same doors. */
export class BrokerProcess {
  readonly dataDir: string;
  readonly #start: BrokerStart;
  #program: Program;
  #ready: Ready;
  #isKilled = false;

  private constructor(dataDir: string, start: BrokerStart, program: Program, ready: Ready) {
    this.dataDir = dataDir;
    this.#start = start;
    this.#program = program;
    this.#ready = ready;
  }

  /** Starts one, which ends with the scenario. */
  static async start(course: Course, start: BrokerStart = {}): Promise<BrokerProcess> {
    const dataDir = await mkdtemp(join(tmpdir(), "synaptic-chaos-"));
    course.finally(() => rm(dataDir, { recursive: true, force: true }));
    const program = launch(dataDir, start, ["tcp://127.0.0.1:0", "tcp://127.0.0.1:0", "127.0.0.1:0"]);
    const broker = new BrokerProcess(dataDir, start, program, await readyOf(program));
    course.finally(() => broker.kill());
    return broker;
  }

  get pid(): number {
    return this.#ready.pid;
  }

  get zmqIn(): string {
    return first(this.#ready.zmqIn);
  }

  get zmqOut(): string {
    return first(this.#ready.zmqOut);
  }

  /** `ws://HOST:PORT` */
  get ws(): string {
    return first(this.#ready.ws);
  }

  get pan(): string {
    return `${this.ws}/pan`;
  }

  get agentchat(): string {
    return `${this.ws}/agentchat`;
  }

  /** True until its process has ended. */
  get isAlive(): boolean {
    return this.#program.process.exitCode === null && this.#program.process.signalCode === null;
  }

  /** Resolves once it has said this on stderr. */
  tells(wanted: RegExp, withinMs = patienceMs): Promise<string> {
    return this.#program.tells(wanted, withinMs);
  }

  /** SIGKILL; resolves when it is gone. @throws if it had ended by itself, with its last words */
  async kill(): Promise<void> {
    const { isAlive } = this;
    const { code, stderr } = await this.#program.stop("SIGKILL");
    if (!isAlive && !this.#isKilled)
      throw new Error(`the broker ended by itself with ${String(code)}: ${stderr.slice(-2_000)}`);
    this.#isKilled = true;
  }

  /** Starts it again on the same folder, at the same doors. */
  async again(): Promise<void> {
    const { zmqIn, zmqOut, ws } = this;
    this.#program = launch(this.dataDir, this.#start, [zmqIn, zmqOut, ws.replace("ws://", "")]);
    this.#isKilled = false;
    this.#ready = await readyOf(this.#program);
  }

  /** What `broker status --json` prints. */
  async status(): Promise<BrokerStatus> {
    const { code, stdout, stderr } = await runCli(["status", "--json", "--data-dir", this.dataDir]);
    if (code !== 0) throw new Error(`broker status ended with ${String(code)}: ${stderr}`);
    return JSON.parse(stdout) as BrokerStatus;
  }

  /** Resident memory, MiB. */
  memory(): number {
    const pages = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${this.pid}/status`, "utf8"))?.[1];
    return Math.round(Number(pages) / 1_024);
  }

  /** Open file descriptors. */
  descriptors(): number {
    return readdirSync(`/proc/${this.pid}/fd`).length;
  }
}

function launch(
  dataDir: string,
  { limits = {}, ulimit }: BrokerStart,
  [zmqIn, zmqOut, ws]: readonly [string, string, string],
): Program {
  const flags = Object.entries(limits).flatMap(([name, value]) => ["--limit", `${name}=${String(value)}`]);
  const args = [
    process.execPath,
    "bin/broker.js",
    "start",
    "--json",
    "--data-dir",
    dataDir,
    "--zmq-in",
    zmqIn,
    "--zmq-out",
    zmqOut,
    "--ws",
    ws,
    ...flags,
  ];
  // The shell becomes the broker: the pid is the broker's.
  return startProgram("bash", ["-c", `${ulimit === undefined ? "" : `${ulimit} && `}exec "$@"`, "bash", ...args]);
}

async function readyOf(program: Program): Promise<Ready> {
  return JSON.parse(await program.prints(/\n/, 30_000)) as Ready;
}

function first(list: readonly string[]): string {
  const [one] = list;
  if (one === undefined) throw new Error("the broker has no such door");
  return one;
}
