import { setTimeout as pause } from "node:timers/promises";
import type { Agent, AgentOptions } from "../../clients/typescript/agent/index.js";
import { asFault, brokerTopic, Fault, type Envelope } from "../core/index.js";
import { operatorName } from "../identity/index.js";
import { DataDirectory, readRegular, resolveDataDirectory } from "../storage/index.js";
import { errorCode } from "../storage/remedy.js";

/** Which running broker a command talks to. */
export interface BrokerChoice {
  readonly dataDir?: string;
}

/**
 * Finds the broker that runs on this data directory: its doors and the operator's token.
 * @throws Fault unavailable, forbidden, with the remedy
 */
export function findBroker({ dataDir }: BrokerChoice): {
  readonly in: string;
  readonly out: string;
  readonly token: string;
  readonly data: DataDirectory;
} {
  const data = new DataDirectory(resolveDataDirectory({ dataDir }));
  const endpoints = data.readEndpoints();
  const [zmqIn] = endpoints?.zmqIn ?? [];
  const [zmqOut] = endpoints?.zmqOut ?? [];
  if (zmqIn === undefined || zmqOut === undefined) {
    throw new Fault(
      "unavailable",
      `no broker runs on ${data.path}; start one with: broker start (or name its folder with --data-dir)`,
    );
  }
  return { in: zmqIn, out: zmqOut, token: readToken(data), data };
}

/** @throws Fault forbidden, unavailable, naming the file and the remedy */
function readToken(data: DataDirectory): string {
  const file = data.file("operator-token");
  let token: string;
  try {
    token = readRegular(file).toString("utf8").split("\n", 1)[0]?.trim() ?? "";
  } catch (thrown) {
    const isClosed = ["EACCES", "EPERM"].includes(errorCode(thrown) ?? "");
    const remedy = isClosed
      ? "run this as the user that runs the broker"
      : "move away what is there and restart the broker, which makes a new one";
    throw new Fault(
      isClosed ? "forbidden" : "unavailable",
      `cannot read the operator's token ${file}: ${thrown instanceof Error ? thrown.message : String(thrown)}; ${remedy}`,
      { cause: thrown },
    );
  }
  if (token !== "") return token;
  throw new Fault("unavailable", `${file} is empty: delete it and restart the broker, which makes a new one`);
}

/**
 * Connects as the operator, who may run several commands at once.
 * @throws Fault unavailable, forbidden, unauthenticated, with the remedy
 */
export async function connectOperator(choice: BrokerChoice, options: AgentOptions = {}): Promise<Agent> {
  const { in: zmqIn, out, token } = findBroker(choice);
  const { Agent } = await import("../../clients/typescript/agent/index.js");
  try {
    return await Agent.connect({ ...options, name: operatorName, in: zmqIn, out, token, exclusive: false });
  } catch (thrown) {
    const fault = asFault(thrown);
    if (!fault.message.includes("auth none")) throw thrown;
    throw new Fault(
      "forbidden",
      "this broker takes no tokens on ZeroMQ (--zmq-auth none), " +
        "but this command needs one to prove that you are its operator: start it with --zmq-auth optional",
      { cause: fault },
    );
  }
}

/** Connects as the operator, does `work` and disconnects. */
export async function asOperator<T>(choice: BrokerChoice, work: (operator: Agent) => Promise<T>): Promise<T> {
  const operator = await connectOperator(choice);
  try {
    return await work(operator);
  } finally {
    await operator.close();
  }
}

/** Asks `$broker` and returns its answer. `kind`, `data`: of the `content` of the request. @throws Fault */
export async function askBroker(
  operator: Agent,
  kind: string,
  data?: Readonly<Record<string, unknown>>,
): Promise<Envelope> {
  return operator.request(brokerTopic, { message: kind, kind, ...(data !== undefined && { data }) });
}

/** How often a command checks whether its broker still runs, milliseconds. */
const checkMs = 250;

/**
 * Calls `ended` once when the broker that now runs on this data directory has ended, whether another one runs or not.
 * @returns checks a last time and ends the watch
 */
export function watchBroker(data: DataDirectory, ended: () => void): () => void {
  const pid = runningPid(data);
  let phase: "watching" | "over" = "watching";
  const check = (): void => {
    if (phase === "over" || runningPid(data) === pid) return;
    phase = "over";
    clearInterval(timer);
    ended();
  };
  const timer = setInterval(check, checkMs);
  return () => {
    check();
    phase = "over";
    clearInterval(timer);
  };
}

/** The broker that runs; what cannot be read tells of none. */
function runningPid(data: DataDirectory): number | undefined {
  try {
    return data.readEndpoints()?.pid;
  } catch (thrown) {
    if (thrown instanceof Fault) return undefined;
    throw thrown;
  }
}

/**
 * Waits until a broker runs on this data directory.
 * @returns false if none has started within `withinMs`, or if `signal` has ended the wait
 */
export async function brokerComes(data: DataDirectory, withinMs: number, signal: AbortSignal): Promise<boolean> {
  const end = performance.now() + withinMs;
  while (!signal.aborted && performance.now() < end) {
    if (data.readEndpoints() !== undefined) return true;
    await pause(checkMs);
  }
  return false;
}
