import { request } from "node:https";
import type { Clock } from "../../core/index.js";
import type { WebhookHost } from "../../telemetry/telemetry.js";
import type { HostAddress, HostLookup } from "./host-lookup.js";

/** From the lookup of the name to the end of the answer, milliseconds. */
export const callMs = 5_000;
/** Bytes of an answer that are read: it tells by its status alone. */
export const answerMaxBytes = 16 * 1024;

/** What became of one call. `status` undefined: there was no answer. */
export interface Called {
  /** `again`: the same call may succeed later. */
  readonly outcome: "delivered" | "refused" | "again";
  readonly status?: number;
  /** For the operator; holds nothing of the answer. */
  readonly why?: string;
}

/** What a call needs beside its URL. */
export interface CallOptions {
  readonly host: WebhookHost;
  readonly lookup: HostLookup;
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, string>>;
  readonly clock: Pick<Clock, "after">;
  /** Gives the call up. */
  readonly signal: AbortSignal;
  /** Certificates (PEM) of the authorities that are trusted; absent: those of this machine. */
  readonly ca?: string | undefined;
}

/**
 * POSTs a body to an `https` URL. No redirect is followed, no connection kept, and at most {@link answerMaxBytes} of the
 * answer are read. Never rejects.
 */
export async function call(url: URL, options: CallOptions): Promise<Called> {
  const { host, lookup, clock, signal } = options;
  const over = new AbortController();
  const giveUp = (): void => {
    over.abort();
  };
  const cancel = clock.after(callMs, giveUp);
  signal.addEventListener("abort", giveUp, { once: true });
  if (signal.aborted) giveUp();
  try {
    const address = await unlessOver(lookup.addressOf(url.hostname, host), over.signal);
    if (address === undefined)
      return { outcome: "refused", why: "its address is private: list the host with =private if that is meant" };
    return await post(url, address, over.signal, options);
  } catch (thrown) {
    return { outcome: "again", why: over.signal.aborted ? late : wordsOf(thrown) };
  } finally {
    cancel();
    signal.removeEventListener("abort", giveUp);
  }
}

const late = `no answer within ${String(callMs / 1_000)} s`;

/** Rejects when it is over: a lookup cannot be called off, but nobody waits for it. */
function unlessOver<T>(work: Promise<T>, over: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      reject(new Error(late));
    };
    if (over.aborted) end();
    over.addEventListener("abort", end, { once: true });
    work.then(resolve, reject).finally(() => {
      over.removeEventListener("abort", end);
    });
  });
}

/** Rejects where there is no answer. */
function post(url: URL, { address, family }: HostAddress, over: AbortSignal, options: CallOptions): Promise<Called> {
  const { body, headers, ca } = options;
  return new Promise((resolve, reject) => {
    let called: Called | undefined;
    const asked = request(url, {
      method: "POST",
      agent: false,
      rejectUnauthorized: true,
      // The name is not looked up again: it may mean something else by now.
      lookup: (_hostname, { all }, found) => {
        if (all === true) found(null, [{ address, family }]);
        else found(null, address, family);
      },
      headers: { ...headers, "content-type": "application/json", "content-length": String(body.length) },
      ...(ca !== undefined && { ca }),
    });
    const end = (why: unknown): void => {
      over.removeEventListener("abort", end);
      asked.destroy();
      if (called !== undefined) resolve(called);
      else reject(why instanceof Error ? why : new Error("the connection ended before the answer"));
    };
    over.addEventListener("abort", end);
    asked.on("error", end);
    asked.on("close", end);
    asked.on("response", (answer) => {
      called = calledBy(answer.statusCode ?? 0);
      let bytes = 0;
      answer.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > answerMaxBytes) end(undefined);
      });
      answer.on("error", end);
      answer.on("end", end);
    });
    asked.end(body);
  });
}

/** What a status says (RFC 9110 §15). */
function calledBy(status: number): Called {
  if (status >= 200 && status < 300) return { outcome: "delivered", status };
  if (status >= 500) return { outcome: "again", status, why: `the answer is ${String(status)}` };
  const isRedirect = status >= 300 && status < 400;
  const why = isRedirect ? "a redirect, which is not followed" : "the host refuses it";
  return { outcome: "refused", status, why: `${why} (${String(status)})` };
}

/** What the system says of a connection that failed. */
function wordsOf(thrown: unknown): string {
  const { code, message } = thrown as NodeJS.ErrnoException;
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return "its host cannot be found (DNS)";
  return code ?? message;
}
