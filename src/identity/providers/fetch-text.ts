import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import type { Clock } from "../../core/index.js";

/** Bytes of an answer, or of a file of keys. */
export const keysMaxBytes = 64 * 1024;
/** From the question to the end of the answer, milliseconds. */
export const fetchMs = 5_000;

/** An answer, complete. */
export interface FetchedText {
  readonly text: string;
  /** How long it may be kept by its `Cache-Control` and `Age`, milliseconds; undefined: it does not say. */
  readonly maxAgeMs: number | undefined;
  /** The other side's wall clock by its `Date`, milliseconds. */
  readonly date: number | undefined;
}

/** What a fetch needs beside the URL. */
export interface FetchOptions {
  readonly clock: Pick<Clock, "after">;
  /** Certificates (PEM) of the authorities that are trusted; absent: those of this machine. */
  readonly ca?: string;
  /** Gives the fetch up. */
  readonly signal?: AbortSignal;
}

/**
 * Asks an `https` URL for a small text. No redirect is followed, no connection kept, and no byte read beyond
 * {@link keysMaxBytes}.
 * @throws Error, as a rejection: what went wrong, in words for the operator that hold nothing of the answer
 */
export function fetchText(url: string, { clock, ca, signal }: FetchOptions): Promise<FetchedText> {
  return new Promise((resolve, reject) => {
    const asked = request(url, {
      agent: false,
      rejectUnauthorized: true,
      headers: { accept: "application/json", "user-agent": "synaptic-core" },
      ...(ca !== undefined && { ca }),
      ...(signal !== undefined && { signal }),
    });
    const end = (): void => {
      cancel();
      asked.destroy();
    };
    const fail = (why: string, cause?: unknown): void => {
      end();
      reject(new Error(why, { cause }));
    };
    const cancel = clock.after(fetchMs, () => {
      fail(`no complete answer within ${String(fetchMs / 1_000)} s`);
    });
    asked.on("error", (error) => {
      fail(wordsOf(error), error);
    });
    asked.on("close", () => {
      fail("the connection ended before the answer was complete");
    });
    asked.on("response", (answer) => {
      const problem = problemOf(answer);
      if (problem !== undefined) {
        fail(problem);
        return;
      }
      const chunks: Buffer[] = [];
      let bytes = 0;
      answer.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        chunks.push(chunk);
        if (bytes > keysMaxBytes) fail(tooLarge);
      });
      answer.on("error", (error) => {
        fail(wordsOf(error), error);
      });
      answer.on("end", () => {
        if (!answer.complete) return;
        resolve({ text: Buffer.concat(chunks).toString("utf8"), ...timesOf(answer) });
        end();
      });
    });
    asked.end();
  });
}

const tooLarge = `the answer has more than ${String(keysMaxBytes / 1_024)} KiB`;

/** Why the body of an answer is not worth reading. */
function problemOf({ statusCode: status = 0, headers }: IncomingMessage): string | undefined {
  if (status >= 300 && status < 400)
    return `the answer is a redirect (${String(status)}), which is not followed: configure the URL that it leads to`;
  if (status !== 200) return `the answer is ${String(status)} and not 200`;
  if (headers["content-encoding"] !== undefined) return "the answer is compressed, which was not asked for";
  return Number(headers["content-length"] ?? 0) > keysMaxBytes ? tooLarge : undefined;
}

function timesOf({ headers }: IncomingMessage): Pick<FetchedText, "maxAgeMs" | "date"> {
  const rules = (headers["cache-control"] ?? "").toLowerCase();
  const [, seconds] = /(?:^|[\s,])max-age=(\d{1,10})(?![\w.])/.exec(rules) ?? [];
  const isNotKept = /(?:^|[\s,])no-(?:store|cache)(?![\w-])/.test(rules);
  const age = /^\d{1,10}$/.test(headers.age ?? "") ? Number(headers.age) : 0;
  const date = Date.parse(headers.date ?? "");
  return {
    maxAgeMs: isNotKept ? 0 : seconds === undefined ? undefined : Math.max(0, Number(seconds) - age) * 1_000,
    date: Number.isNaN(date) ? undefined : date,
  };
}

const notFound: readonly (string | undefined)[] = ["ENOTFOUND", "EAI_AGAIN"];
const notTrusted: readonly (string | undefined)[] = [
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
];

/** What the system says of a connection that failed. */
function wordsOf({ code, message }: NodeJS.ErrnoException): string {
  if (notFound.includes(code)) return "its host cannot be found (DNS)";
  if (notTrusted.includes(code))
    return "no authority that is trusted here vouches for its certificate: name that authority's file as ca";
  if (code === "ECONNREFUSED") return "its host refuses the connection";
  return code === "ECONNRESET" ? "the connection ended before the answer was complete" : (code ?? message);
}
