import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import type { Agent, AgentOptions } from "../../clients/typescript/agent/index.js";
import { Fault, asFault, type Envelope } from "../core/index.js";
import { operatorName } from "../identity/index.js";
import { DataDirectory, resolveDataDirectory, type Endpoints } from "../storage/index.js";

/** What every command that talks to a running broker takes. */
export interface BrokerChoice {
  readonly dataDir?: string;
}

/**
 * The doors and the operator's token of the broker that runs on this data directory.
 * @throws Fault unavailable, naming the remedy
 */
export function findBroker({ dataDir }: BrokerChoice): {
  readonly in: string;
  readonly out: string;
  readonly token: string;
  readonly data: DataDirectory;
} {
  const data = new DataDirectory(resolveDataDirectory({ dataDir }));
  const endpoints = readEndpoints(data);
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

function readEndpoints(data: DataDirectory): Endpoints | undefined {
  try {
    return data.readEndpoints();
  } catch (thrown) {
    throw new Fault(
      "forbidden",
      `cannot read ${data.file("endpoints.json")}; run this as the user that runs the broker, or name your own broker's folder with --data-dir`,
      { cause: thrown },
    );
  }
}

function readToken(data: DataDirectory): string {
  const file = data.file("operator-token");
  try {
    return readFileSync(file, "utf8").trim();
  } catch (thrown) {
    throw new Fault(
      "forbidden",
      `cannot read the operator's token ${file}; run this as the user that runs the broker`,
      { cause: thrown },
    );
  }
}

/** Connects as the operator. @throws Fault unavailable, forbidden, unauthenticated, naming the remedy */
export async function connectOperator(choice: BrokerChoice, options: AgentOptions = {}): Promise<Agent> {
  const { in: zmqIn, out, token } = findBroker(choice);
  const { Agent } = await import("../../clients/typescript/agent/index.js");
  try {
    return await Agent.connect({ ...options, name: operatorName, in: zmqIn, out, token });
  } catch (thrown) {
    const fault = asFault(thrown);
    if (!fault.message.includes("auth none")) throw thrown;
    throw new Fault(
      "forbidden",
      "this broker takes no tokens on ZeroMQ (--zmq-auth none), and this command proves by one that you are its operator: start it with --zmq-auth optional",
      { cause: fault },
    );
  }
}

/** Does something as the operator on the running broker, then leaves. */
export async function asOperator<T>(choice: BrokerChoice, work: (operator: Agent) => Promise<T>): Promise<T> {
  const operator = await connectOperator(choice);
  try {
    return await work(operator);
  } finally {
    await operator.close();
  }
}

/** What `$broker` answers to a kind. */
export async function askBroker(operator: Agent, kind: string): Promise<Envelope> {
  return operator.request("$broker", { message: kind, kind });
}

/** How often a command looks whether its broker still runs, milliseconds. */
const lookMs = 250;

/**
 * Calls `gone` once when the broker that runs on this data directory now has ended, another in its place or not.
 * @returns what ends the watch, after a last look
 */
export function watchBroker(data: DataDirectory, gone: () => void): () => void {
  const pid = data.readEndpoints()?.pid;
  let phase: "watching" | "over" = "watching";
  const look = (): void => {
    if (phase === "over" || data.readEndpoints()?.pid === pid) return;
    phase = "over";
    clearInterval(timer);
    gone();
  };
  const timer = setInterval(look, lookMs);
  return () => {
    look();
    phase = "over";
    clearInterval(timer);
  };
}

/**
 * Waits for a broker on this data directory.
 * @returns false if none came within `withinMs`, or `signal` ended the wait
 */
export async function brokerComes(data: DataDirectory, withinMs: number, signal: AbortSignal): Promise<boolean> {
  const end = performance.now() + withinMs;
  while (!signal.aborted && performance.now() < end) {
    if (data.readEndpoints() !== undefined) return true;
    await pause(lookMs);
  }
  return false;
}
