import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { panToken } from "../../test/kit/pan-wire.js";
import type { BrokerProcess } from "./broker-process.js";
import type { Course } from "./scenario.js";

/** An uninvolved client in a process of its own, which pings (kit/probe.mjs). */
export class Probe {
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess) {
    this.#process = process;
  }

  static async start(course: Course, broker: BrokerProcess): Promise<Probe> {
    const process = forked("probe.mjs", [broker.pan, panToken(broker.dataDir)]);
    course.finally(() => {
      process.kill("SIGKILL");
    });
    await once(process, "message");
    return new Probe(process);
  }

  /** The longest round trip while this is done and half a second longer, milliseconds. */
  async during(work: () => Promise<void>): Promise<number> {
    this.#process.send("begin");
    await work();
    await pause(500);
    this.#process.send("end");
    const [{ longestMs }] = (await once(this.#process, "message")) as [{ longestMs: number }];
    return longestMs;
  }
}

/** A program of this folder, in a process of its own. */
export function forked(file: string, args: readonly string[]): ChildProcess {
  return fork(fileURLToPath(new URL(file, import.meta.url)), args, { execArgv: [] });
}
