import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { Fault } from "../../../src/core/index.js";
import type { ConnectOptions } from "./options.js";

/** The two endpoints of a broker for agents. */
export interface Endpoints {
  readonly in: string;
  readonly out: string;
  /** Who named them, for people. */
  readonly origin: string;
}

/** A broker's file is a few hundred bytes. */
const maxBytes = 64 * 1024;

/**
 * The endpoints to use: as told, else those of the broker that runs on this machine, else the standard ports.
 * @throws Fault malformed, naming the file and the remedy: `endpoints.json` is there and cannot be read, or is none;
 * unavailable: that broker has no ZeroMQ doors
 */
export function findEndpoints(options: Pick<ConnectOptions, "in" | "out" | "dataDir">): Endpoints {
  if (options.in !== undefined && options.out !== undefined)
    return { in: options.in, out: options.out, origin: "as you said" };
  const path = join(options.dataDir ?? defaultDataDir(), "endpoints.json");
  const known = readEndpoints(path) ?? {
    in: "tcp://127.0.0.1:5555",
    out: "tcp://127.0.0.1:5556",
    origin: `the standard ports, because ${path} is not there`,
  };
  return { in: options.in ?? known.in, out: options.out ?? known.out, origin: known.origin };
}

function readEndpoints(path: string): Endpoints | undefined {
  let text: string;
  try {
    text = readText(path);
  } catch (thrown) {
    const code = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined; // no broker has written its endpoints here
    const remedy =
      code === "EACCES" || code === "EPERM"
        ? "run this as the user that runs the broker, or say where the broker is (in, out)"
        : remedyOfOther;
    throw new Fault("malformed", `${path} cannot be read: ${words(thrown)}; ${remedy}`, { cause: thrown });
  }
  let first: string | undefined;
  let second: string | undefined;
  try {
    const { zmqIn, zmqOut } = Object(JSON.parse(text)) as { readonly zmqIn?: unknown; readonly zmqOut?: unknown };
    [first, second] = [firstOf(zmqIn), firstOf(zmqOut)];
  } catch (thrown) {
    throw new Fault("malformed", `${path} is not what a broker writes: ${words(thrown)}; ${remedyOfOther}`, {
      cause: thrown,
    });
  }
  if (first !== undefined && second !== undefined) return { in: first, out: second, origin: `from ${path}` };
  // Not the standard ports: another broker may be there.
  throw new Fault(
    "unavailable",
    `the broker of ${path} has no ZeroMQ doors; start it with them (zmqIn, zmqOut), be an agent in its own process ` +
      "(broker.agent(NAME)), or say where another broker is (in, out)",
  );
}

const remedyOfOther = "move it away and restart the broker, or say where the broker is (in, out)";

/** The first of a list of addresses; undefined for an empty list: the broker has no such door. @throws Error */
function firstOf(list: unknown): string | undefined {
  if (!Array.isArray(list) || !list.every((each) => typeof each === "string"))
    throw new Error("zmqIn and zmqOut must be lists of addresses");
  return list[0];
}

/** A file's text. A pipe in its place is not waited for. @throws Error */
function readText(path: string): string {
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!fstatSync(file).isFile()) throw new Error("it is no regular file");
    const bytes = Buffer.alloc(maxBytes);
    const size = readSync(file, bytes);
    if (size === maxBytes) throw new Error(`it is longer than ${maxBytes / 1024} KiB`);
    return bytes.toString("utf8", 0, size);
  } finally {
    closeSync(file);
  }
}

function words(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The broker's default data directory (protocols §0.1). */
function defaultDataDir(): string {
  const told = process.env["SYNAPTIC_DATA_DIR"];
  if (told !== undefined && told !== "") return resolve(told);
  const xdg = process.env["XDG_DATA_HOME"];
  return join(xdg !== undefined && xdg !== "" ? xdg : join(homedir(), ".local/share"), "synaptic-core");
}
