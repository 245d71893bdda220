import { Fault, type Lifecycle, type Limits } from "../core/index.js";
import { FailedLogins, operatorName, type IdentityTokens, type Limiter } from "../identity/index.js";

/** An HTTP request, as far as a page needs to know it. */
export interface PageRequest {
  readonly method: string;
  /** Without query. */
  readonly path: string;
  /** Address of whoever asks, without port. */
  readonly remote: string;
  /** True if whoever asks is on this machine, and no proxy says otherwise. */
  readonly isLocal: boolean;
  /** The token of `Authorization: Bearer`. */
  readonly bearer: string | undefined;
}

/** What is answered. A request by HEAD gets the same without the body, which is the server's to leave out. */
export interface Page {
  readonly status: number;
  /** The media type. */
  readonly type: string;
  readonly body: string;
}

/** The pages of the broker itself; undefined: none of them is meant. */
export type Pages = (request: PageRequest) => Promise<Page | undefined>;

/** What {@link operationsPages} needs. */
export interface PagesOptions {
  /** Why the broker takes no work; undefined if it does. */
  readonly missing: () => string | undefined;
  readonly metrics: () => Promise<{ readonly contentType: string; text(): Promise<string> }>;
  /** True if the token is the operator's. */
  readonly isOperator: (bearer: string | undefined, remote: string) => boolean;
}

const plain = "text/plain; charset=utf-8";

/**
 * `/healthz` while the process works, `/readyz` while the broker takes work, `/metrics` for this machine and for the
 * operator.
 */
export function operationsPages({ missing, metrics, isOperator }: PagesOptions): Pages {
  const readiness = (): Page => {
    const why = missing();
    return why === undefined ? words(200, "ready") : words(503, why);
  };
  const readings = async (): Promise<{ readonly contentType: string; readonly text: string }> => {
    const now = await metrics();
    return { contentType: now.contentType, text: await now.text() };
  };
  const metricsPage = async ({ isLocal, bearer, remote }: PageRequest): Promise<Page> => {
    if (isLocal || isOperator(bearer, remote)) {
      const { contentType, text } = await readings();
      return { status: 200, type: contentType, body: text };
    }
    return words(
      403,
      "Metrics are for this machine, and for the operator: send the line of the file operator-token in the broker's data directory as Authorization: Bearer TOKEN.",
    );
  };
  return async (request) => {
    const page = pageAt(request.path);
    if (page === undefined) return undefined;
    return request.method === "GET" || request.method === "HEAD"
      ? page(request)
      : words(405, "Only GET and HEAD are answered here.");
  };

  function pageAt(path: string): ((request: PageRequest) => Page | Promise<Page>) | undefined {
    switch (path) {
      case "/healthz":
        return () => words(200, "ok");
      case "/readyz":
        return readiness;
      case "/metrics":
        return metricsPage;
      default:
        return undefined;
    }
  }
}

function words(status: number, text: string): Page {
  return { status, type: plain, body: `${text}\n` };
}

/**
 * Whether the broker takes work. Last in the list of parts: it starts when every door is open and drains before any
 * closes.
 */
export class Readiness implements Lifecycle {
  #missing: string | undefined = "the broker is starting: not all of its doors are open";

  /** Why not; undefined if it does. */
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

/** Who may read what is the operator's: whoever holds its token. Guessing waits like any failed login. */
export class OperatorAccess {
  readonly #identity: Pick<IdentityTokens, "token">;
  readonly #failedLogins: FailedLogins;
  readonly #refused: (remote: string, fault: Fault) => void;

  /** `refused` hears of wrong tokens. */
  constructor(
    identity: Pick<IdentityTokens, "token">,
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
      this.#identity.token(operatorName, bearer);
      return true;
    } catch (thrown) {
      if (!(thrown instanceof Fault)) throw thrown;
      if (thrown.code === "unauthenticated") this.#failedLogins.add(remote);
      this.#refused(remote, thrown);
      return false;
    }
  }
}
