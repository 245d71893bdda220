import { Fault, type Clock, type Lifecycle, type Limits } from "../core/index.js";
import type { Answer, PageRequest } from "../websocket/edge/front-page.js";
import { FailedLogins, type IdentityTokens, type Limiter } from "../identity/index.js";

const plain = "text/plain; charset=utf-8";

/**
 * So many readings of the metrics are made in a second. A reading counts all agents and rooms, which are a millisecond's
 * work and more, and a crowd may ask.
 */
const readingsPerSecond = 10;

/** What the broker's own pages look at in a request. */
type Asked = Pick<PageRequest, "method" | "path" | "remote" | "isLocal" | "bearer">;

/** Where the broker's own pages are. No dialect can have these paths. */
export const pagePaths = ["/healthz", "/readyz", "/metrics"] as const;

/**
 * Answers `/healthz` while the process works, `/readyz` while the broker takes work, and `/metrics` for this machine
 * and for the operator; undefined for any other path. A HEAD request gets the same answer; the server leaves out the
 * body.
 * @param clock tells when the second is over in which who asks too often gets the last reading of the metrics again
 * @param missing why the broker takes no work; undefined if it does
 * @param metrics the readings of this moment
 * @param isOperator true if the bearer token is the operator's
 */
export function operationsPages(
  clock: Pick<Clock, "monotonic">,
  missing: () => string | undefined,
  metrics: () => Promise<{ readonly contentType: string; text(): Promise<string> }>,
  isOperator: (bearer: string | undefined, remote: string) => boolean,
): (request: Asked) => Promise<Answer | undefined> {
  const readinessPage = (): Answer => {
    const why = missing();
    return why === undefined ? words(200, "ready") : words(503, why);
  };
  const reading = keptWhenHasty(clock, async (): Promise<Answer> => {
    const readings = await metrics();
    return { status: 200, type: readings.contentType, body: await readings.text() };
  });
  const metricsPage = async ({ isLocal, bearer, remote }: Asked): Promise<Answer> => {
    if (isLocal || isOperator(bearer, remote)) return reading();
    return words(
      403,
      "Metrics are for this machine and for the operator: " +
        "send the line of the file operator-token in the broker's data directory as Authorization: Bearer TOKEN.",
    );
  };
  const pages: Readonly<Record<string, (request: Asked) => Answer | Promise<Answer>>> = {
    "/healthz": () => words(200, "ok"),
    "/readyz": readinessPage,
    "/metrics": metricsPage,
  } satisfies Record<(typeof pagePaths)[number], unknown>;
  return async (request) => {
    const page = Object.hasOwn(pages, request.path) ? pages[request.path] : undefined;
    if (page === undefined) return undefined;
    return request.method === "GET" || request.method === "HEAD"
      ? page(request)
      : words(405, "Only GET and HEAD are answered here.");
  };
}

/** Makes a page anew for the first few who ask for it in a second, and gives all others the last of these. */
function keptWhenHasty(clock: Pick<Clock, "monotonic">, make: () => Promise<Answer>): () => Promise<Answer> {
  let page: Promise<Answer> | undefined;
  let began = 0;
  let made = 0;
  return () => {
    const now = clock.monotonic();
    if (now - began >= 1_000) {
      began = now;
      made = 0;
    }
    if (page !== undefined && made >= readingsPerSecond) return page;
    made += 1;
    return (page = make());
  };
}

function words(status: number, text: string): Answer {
  return { status, type: plain, body: `${text}\n` };
}

/**
 * Whether the broker takes work. It is the last in the list of parts, so that it starts when every door is open and
 * drains before any door closes.
 */
export class Readiness implements Lifecycle {
  #missing: string | undefined = "the broker is starting: some of its doors are not open yet";

  /** Why the broker takes no work; undefined if it does. */
  get missing(): string | undefined {
    return this.#missing;
  }

  start(): Promise<void> {
    this.#missing = undefined;
    return Promise.resolve();
  }

  drain(): Promise<void> {
    this.#missing = "the broker is stopping: it finishes what is under way";
    return Promise.resolve();
  }

  stop(): Promise<void> {
    this.#missing = "the broker has stopped";
    return Promise.resolve();
  }
}

/** Lets those who have the operator's token read what is for the operator. Wrong tokens count as failed logins. */
export class OperatorAccess {
  readonly #identity: Pick<IdentityTokens, "operator">;
  readonly #failedLogins: FailedLogins;
  readonly #refused: (remote: string, fault: Fault) => void;

  /** @param refused is called for each wrong token */
  constructor(
    identity: Pick<IdentityTokens, "operator">,
    limiter: Limiter,
    limits: Pick<Limits, "loginFailuresPerMinute">,
    refused: (remote: string, fault: Fault) => void,
  ) {
    this.#identity = identity;
    this.#failedLogins = new FailedLogins(limiter, limits);
    this.#refused = refused;
  }

  /** True if `bearer` is the operator's token. */
  allows(bearer: string | undefined, remote: string): boolean {
    if (bearer === undefined) return false;
    try {
      const barred = this.#failedLogins.barred(remote);
      if (barred !== undefined) throw barred;
      this.#identity.operator(bearer);
      return true;
    } catch (thrown) {
      if (!(thrown instanceof Fault)) throw thrown;
      if (thrown.code === "unauthenticated") this.#failedLogins.add(remote);
      this.#refused(remote, thrown);
      return false;
    }
  }
}
