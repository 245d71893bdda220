import type { Command } from "commander";
import type { Broker } from "../../broker.js";
import { problemsOf } from "../../config/index.js";
import type { Log } from "../../core/index.js";
import { refuseWrongDoors } from "../config-check.js";
import type { Demo } from "../demo/demo.js";
import { certificateHosts } from "../doctor/certificate.js";
import { layersOf, withBrokerFlags, type BrokerFlags } from "../flags.js";
import { processLog, type LogFormat, type LogLevel } from "../log.js";
import { say, type Output } from "../output.js";
import { readyLines } from "../ready.js";
import { onEndSignals } from "../signals.js";
import { endByHangUp, terminalWatch } from "../terminal.js";

interface Options extends Output, BrokerFlags {
  readonly logLevel: LogLevel;
  readonly logFormat?: LogFormat;
  readonly demo?: true;
}

/** Ends the program's first handling of SIGHUP; returns true if a SIGHUP has come. */
export type TakeOver = () => boolean;

/**
 * `broker start`: runs the broker until SIGINT, SIGTERM or the close of its terminal, which drain it; a second signal
 * stops it at once. SIGHUP reads the configuration again.
 */
export function startCommand(program: Command, takeOver: TakeOver): void {
  withBrokerFlags(program.command("start").description("run the broker; SIGHUP reads its configuration again"))
    .option("--demo", "let a handful of agents talk to each other, in all dialects; they leave with the broker")
    .action(async (_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const { Broker } = await import("../../broker.js");
      const layers = await layersOf(options);
      await refuseWrongDoors(layers);
      const log = processLog(options.logLevel, options.logFormat);
      const broker = new Broker({ ...layers.options, log });
      let demo: Demo | undefined;
      const { behindProxy, tlsCert } = layers.config;
      const hosts = tlsCert === undefined ? [] : certificateHosts(tlsCert);
      const ending = endOnSignal({
        stop: async () => {
          await demo?.stop();
          await broker.stop();
        },
      });
      const reloads = reloadOnSignal({ broker, flags: options, log, takeOver, terminalClosed: ending.terminalClosed });
      await broker.start();
      if (broker.isRunning)
        process.stdout.write(
          options.json === true
            ? `${JSON.stringify({ pid: process.pid, ...broker.endpoints })}\n`
            : `${readyLines(broker, { behindProxy, hosts }).join("\n")}\n`,
        );
      reloads.begin();
      if (options.demo === true && broker.isRunning) {
        const { startDemo } = await import("../demo/demo.js");
        try {
          demo = await startDemo(broker, log);
        } catch (thrown) {
          await broker.stop();
          throw thrown;
        }
        if (options.json !== true) process.stdout.write(`${demo.line}\n`);
      }
      const fault = await Promise.race([ending.ended, broker.lost]);
      if (fault === undefined) return;
      await broker.stop();
      throw fault;
    });
}

/** A broker that hears SIGHUP. */
interface Reloading {
  readonly broker: Broker;
  readonly flags: BrokerFlags;
  readonly log: Log;
  readonly takeOver: TakeOver;
  /** Called instead of a reload when the signal came because the terminal has closed. */
  readonly terminalClosed: () => void;
}

/**
 * Reads the configuration again at each SIGHUP. For those that come before the broker is ready, `begin` reads it once.
 * A wrong configuration changes nothing.
 */
function reloadOnSignal({ broker, flags, log, takeOver, terminalClosed }: Reloading): { begin(): void } {
  let phase: "starting" | "asked" | "ready" = "starting";
  const isClosed = terminalWatch();
  const hangUp = (): void => {
    if (isClosed()) terminalClosed();
    else if (phase === "ready") void reloadNow(broker, flags, log);
    else phase = "asked";
  };
  process.on("SIGHUP", hangUp);
  if (takeOver()) hangUp();
  return {
    begin() {
      const wasAsked = phase === "asked";
      phase = "ready";
      if (wasAsked && broker.isRunning) hangUp();
    },
  };
}

/** Never rejects. */
async function reloadNow(broker: Broker, flags: BrokerFlags, log: Log): Promise<void> {
  try {
    const read = await layersOf(flags).then(
      ({ options }) =>
        () => ({ ...options, log }),
      (thrown: unknown) => (): never => {
        throw thrown; // the broker tells it, and writes it into the audit log
      },
    );
    if (!broker.isRunning) return;
    const { changed, needRestart } = broker.reload(read);
    const waits = `these need a restart and stay as they were: ${needRestart.join(", ")}`;
    const done = changed.length > 0 ? `reloaded: ${changed.join(", ")}` : "read again, nothing has changed";
    if (changed.length > 0 || needRestart.length === 0) say(`broker: SIGHUP, ${done}`);
    if (needRestart.length > 0) say(`broker: ${changed.length > 0 ? "" : "SIGHUP, "}${waits}`);
  } catch (thrown) {
    say(`broker: SIGHUP, the configuration stays as it was: ${problemsOf(thrown).join("; ")}`);
  }
}

/** `ended` resolves when a signal or the close of the terminal has come and the broker has done its work and stopped. */
function endOnSignal(broker: Pick<Broker, "stop">): {
  readonly ended: Promise<void>;
  readonly terminalClosed: () => void;
} {
  let terminalClosed = (): void => undefined;
  const ended = new Promise<void>((resolve, reject) => {
    const stop = (): void => {
      broker.stop().then(resolve, reject);
    };
    // Nobody is left who could be told.
    terminalClosed = () => {
      endByHangUp();
      stop();
    };
    onEndSignals(
      ["SIGINT", "SIGTERM"],
      (signal) => {
        say(`broker: ${signal}, finishing what is under way; once more stops at once`);
        stop();
      },
      () => process.exit(1),
    );
  });
  return { ended, terminalClosed };
}
