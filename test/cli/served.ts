import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCli, startCli, type Ended, type Program } from "../kit/cli.js";

/** Doors on ports that the system chooses. */
export const freeDoors = [
  "--zmq-in",
  "tcp://127.0.0.1:0",
  "--zmq-out",
  "tcp://127.0.0.1:0",
  "--ws",
  "127.0.0.1:0",
] as const;

/** A real `broker start` in a folder of its own. */
export interface Served {
  readonly home: string;
  readonly dataDir: string;
  readonly broker: Program;
  readonly at: { readonly zmqIn: string; readonly zmqOut: string; readonly ws: string };
  /** Runs a command on this broker. */
  readonly cli: (...args: readonly string[]) => Promise<Ended>;
  end(): Promise<void>;
}

/** Starts it; `more` are flags beside the doors. */
export async function serveBroker(...more: readonly string[]): Promise<Served> {
  const home = await mkdtemp(join(tmpdir(), "synaptic-cli-"));
  const dataDir = join(home, "data");
  const broker = startCli(["start", ...freeDoors, "--data-dir", dataDir, ...more]);
  const end = async (): Promise<void> => {
    await broker.stop();
    await rm(home, { recursive: true, force: true });
  };
  try {
    await broker.prints(/broker status/);
    const { zmqIn, zmqOut, ws } = JSON.parse(await readFile(join(dataDir, "endpoints.json"), "utf8")) as Record<
      "zmqIn" | "zmqOut" | "ws",
      [string]
    >;
    return {
      home,
      dataDir,
      broker,
      at: { zmqIn: zmqIn[0], zmqOut: zmqOut[0], ws: ws[0] },
      cli: (...args) => runCli([...args, "--data-dir", dataDir]),
      end,
    };
  } catch (thrown) {
    await end();
    throw thrown;
  }
}
