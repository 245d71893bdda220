import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Answer, FileAnswer, PageRequest } from "../websocket/edge/front-page.js";

/** Where web pages import clients from: that of Agent Network, that of visualisation. No dialect can have these paths. */
export const sdkPaths = ["/sdk/network.js", "/sdk/visualisation.js"] as const;

/** A build is a tenth of it. */
const maxBytes = 5 * 1024 * 1024;

/** Where a build lies, seen from the built module or the bundle of commands, and from the source. */
function placesOf(path: string): readonly string[] {
  return [`../..${path}`, `../../dist${path}`].map((place) => fileURLToPath(new URL(place, import.meta.url)));
}

/** The code is public, and pages of other origins import it. A page asks each time whether it is still the same. */
const openToAll: Readonly<Record<string, string>> = {
  "access-control-allow-origin": "*",
  "cross-origin-resource-policy": "cross-origin",
  "x-content-type-options": "nosniff",
  "cache-control": "no-cache",
};

/** The file, read once. */
interface Build {
  readonly bytes: Uint8Array;
  /** ETag, in its quotes. */
  readonly tag: string;
}

/** What the page looks at in a request. */
type Asked = Pick<PageRequest, "method" | "path" | "ifNoneMatch">;

/**
 * Answers `/sdk/network.js` and `/sdk/visualisation.js`: clients as ES modules for web pages. Undefined for any other
 * path. A file is read when it is first asked for, and kept.
 * @param filesOf where that of a path may lie, the likeliest first
 */
export function sdkPage(
  filesOf: (path: string) => readonly string[] = placesOf,
): (asked: Asked) => Promise<Answer | FileAnswer> | Answer | undefined {
  // bound: one for each of sdkPaths · evicts: what cannot be read, so that it may be built later · owner: sdkPage
  const builds = new Map<string, Promise<Build>>();
  const read = (path: string): Promise<Build> => {
    const build =
      builds.get(path) ??
      readBuild(filesOf(path)).catch((thrown: unknown) => {
        builds.delete(path);
        throw thrown;
      });
    builds.set(path, build);
    return build;
  };
  return ({ method, path, ifNoneMatch }) => {
    if (!(sdkPaths as readonly string[]).includes(path)) return undefined;
    if (method !== "GET" && method !== "HEAD") return words(405, "Only GET and HEAD are answered here.");
    return read(path).then(
      ({ bytes, tag }): Answer | FileAnswer => {
        const headers = { ...openToAll, etag: tag };
        const type = "text/javascript; charset=utf-8";
        if (isAmong(tag, ifNoneMatch)) return { status: 304, type, body: "", headers };
        return { status: 200, type, bytes, headers };
      },
      () =>
        words(
          404,
          `The client for web pages is not built: npm run build in the folder of synaptic-core makes dist${path}; ` +
            "then ask again.",
        ),
    );
  };
}

/** @throws Error none of the files can be read, or what is there is too long */
async function readBuild(files: readonly string[]): Promise<Build> {
  const [file = "", ...others] = files;
  let bytes: Uint8Array;
  try {
    bytes = await readBounded(file);
  } catch (thrown) {
    if (others.length === 0) throw thrown;
    return readBuild(others);
  }
  return { bytes, tag: `"${createHash("sha256").update(bytes).digest("base64url")}"` };
}

async function readBounded(file: string): Promise<Uint8Array> {
  const handle = await open(file, "r");
  try {
    const { size } = await handle.stat();
    if (size > maxBytes) throw new Error(`${file} has ${String(size)} bytes: it is no build`);
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

/** True if the client has it already (RFC 9110 §13.1.2). */
function isAmong(tag: string, ifNoneMatch: string | undefined): boolean {
  return ifNoneMatch?.split(",").some((one) => ["*", tag, `W/${tag}`].includes(one.trim())) === true;
}

function words(status: number, text: string): Answer {
  return { status, type: "text/plain; charset=utf-8", body: `${text}\n` };
}
