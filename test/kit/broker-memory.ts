import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startProgram, type Program } from "./cli.js";
import { eventually } from "./broker.js";

const binary = fileURLToPath(new URL("../../bin/broker.js", import.meta.url));

/** What a heap snapshot begins with, as far as it is read here. */
interface Snapshot {
  readonly strings: readonly string[];
}

/** A real `broker` whose heap can be looked into: it writes what its memory holds into `folder` at SIGUSR2. */
export function startWatched(folder: string, args: readonly string[]): Program {
  const node = ["--heapsnapshot-signal=SIGUSR2", `--diagnostic-dir=${folder}`];
  return startProgram(process.execPath, [...node, binary, ...args]);
}

/**
 * Every text in the heap of a program that was started so, behind a collection of its garbage. V8 cuts texts to 1,024
 * characters in a snapshot.
 */
export async function heapTexts({ process: { pid } }: Program, folder: string): Promise<readonly string[]> {
  if (pid === undefined) throw new Error("the broker does not run");
  process.kill(pid, "SIGUSR2");
  let snapshot: Snapshot | undefined;
  await eventually(async () => {
    const [name] = (await readdir(folder)).filter((each) => each.endsWith(".heapsnapshot"));
    if (name === undefined) return false;
    const text = await readFile(join(folder, name), "utf8");
    if (!text.trimEnd().endsWith("]}")) return false; // it is still being written
    snapshot = JSON.parse(text) as Snapshot;
    await rm(join(folder, name));
    return true;
  }, "the heap is written down");
  return snapshot?.strings ?? [];
}

/** The bytes of each file below a folder, by its path; sockets and pipes are none. */
export function filesBelow(folder: string): ReadonlyMap<string, Buffer> {
  const found = new Map<string, Buffer>();
  for (const entry of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    const path = join(folder, entry);
    if (statSync(path).isFile()) found.set(entry, readFileSync(path));
  }
  return found;
}

/** The forms in which a text may lie in bytes: as it is, in UTF-16, in base64 at each of the three places, in hex. */
function formsOf(text: string): readonly Buffer[] {
  const base64 = [0, 1, 2].map((before) =>
    Buffer.from("\0".repeat(before) + text)
      .toString("base64")
      .slice(before === 0 ? 0 : before + 1)
      .replace(/.{0,3}=*$/, ""),
  );
  const written = [text, ...base64, Buffer.from(text).toString("hex")];
  return [...written.map((each) => Buffer.from(each)), Buffer.from(text, "utf16le")];
}

/** Words of one run of a test, which stand nowhere else, each with where it was said. */
export class Markers {
  // bound: what the test says · evicts: nothing · owner: the test
  readonly #said = new Map<string, string>();
  /** What all of them begin with: where it is not, none of them is. */
  readonly #head = `mark${randomBytes(8).toString("hex")}`;

  /** A new word. */
  make(where: string): string {
    const text = `${this.#head}${randomBytes(8).toString("hex")}`;
    this.#said.set(text, where);
    return text;
  }

  /** Where those were said that lie in these bytes, in whatever form. */
  in(bytes: Buffer | string): readonly string[] {
    const where = typeof bytes === "string" ? Buffer.from(bytes) : bytes;
    const lies = (text: string): boolean => formsOf(text).some((form) => where.includes(form));
    if (!lies(this.#head)) return [];
    const found = [...this.#said].filter(([text]) => lies(text)).map(([, place]) => place);
    return found.length === 0 ? ["a part of a word"] : found;
  }
}
