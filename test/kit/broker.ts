import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Broker, type BrokerOptions } from "../../src/index.js";
import { patienceMs } from "./patience.js";

/** A broker of its own for one test: ports chosen by the system, data in a folder that goes with it. */
export interface TestBroker {
  readonly broker: Broker;
  readonly dataDir: string;
  readonly zmqIn: string;
  readonly zmqOut: string;
  readonly pan: string;
  stop(): Promise<void>;
}

/** Starts a broker; `limits` and everything else can be set. */
export async function startBroker(options: BrokerOptions = {}): Promise<TestBroker> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), "synaptic-test-")));
  const broker = new Broker({
    zmqIn: ["tcp://127.0.0.1:0"],
    zmqOut: ["tcp://127.0.0.1:0"],
    ws: ["127.0.0.1:0"],
    ...options,
    dataDir,
    limits: { publisherDoorDelayMs: 0, startHoldMs: 0, ...options.limits },
  });
  await broker.start();
  const { zmqIn, zmqOut, ws } = broker.endpoints;
  return {
    broker,
    dataDir,
    zmqIn: first(zmqIn),
    zmqOut: first(zmqOut),
    pan: `${first(ws)}/pan`,
    async stop() {
      await broker.stop();
      if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
    },
  };
}

function first(list: readonly string[]): string {
  const [found] = list;
  if (found === undefined) throw new Error("the broker has no such door");
  return found;
}

/** Resolves once `check` holds; asks again every few milliseconds and fails after `withinMs`. */
export async function eventually(
  check: () => boolean | Promise<boolean>,
  what: string,
  withinMs = patienceMs,
): Promise<void> {
  const end = performance.now() + withinMs;
  while (!(await check())) {
    if (performance.now() > end) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
