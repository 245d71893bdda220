import { Fault, asFault, type Content, type Envelope } from "../../../src/core/index.js";
import type { Request } from "./options.js";

/** What {@link RunningHandlers} needs of its agent. */
export interface AnsweringOptions {
  /** Handlers that may be under way at once. */
  readonly max: number;
  readonly respond: (request: Request, content: string | Content) => Promise<void>;
  /** Hears of a handler that failed. */
  readonly failed: (event: string, fields: Readonly<Record<string, unknown>>) => void;
}

/** What a request's handler gives back: the response. */
export type RequestHandler = (request: Request) => string | Content | undefined | Promise<string | Content | undefined>;

/** An agent's handlers that are under way, and what becomes of them when it leaves. */
export class RunningHandlers {
  readonly #options: AnsweringOptions;
  // bound: answeringMax of the agent's options · evicts: one more request is answered as full · owner: RunningHandlers
  readonly #underWay = new Map<Promise<void>, Request | undefined>();
  #phase: "open" | "closing" = "open";

  constructor(options: AnsweringOptions) {
    this.#options = options;
  }

  /** True if no further handler may begin. */
  get isFull(): boolean {
    return this.#underWay.size >= this.#options.max;
  }

  /** True while something is under way. */
  get isBusy(): boolean {
    return this.#underWay.size > 0;
  }

  /** Answers a request by what its handler gives back; what it throws is told as a fault. */
  answer(request: Request, handler: RequestHandler): void {
    if (this.#phase === "closing")
      this.refuse(request, new Fault("going-away", `${request.to} is leaving; ask it again when it is back`));
    else if (this.isFull)
      this.refuse(request, new Fault("full", `${request.to} answers as many requests as it can; try again later`));
    else this.#begin(this.#answer(request, handler), request);
  }

  /** Runs a handler that answers nothing. */
  run(work: () => void | Promise<void>): void {
    this.#begin((async () => work())(), undefined);
  }

  /** Answers a request by a fault. */
  refuse(request: Request, fault: Fault): void {
    this.#begin(this.#options.respond(request, faultContent(fault)), undefined);
  }

  /** Waits for what is under way, `withinMs` at most; what is not answered then is answered as `going-away`. */
  async drain(withinMs: number): Promise<void> {
    this.#phase = "closing";
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<"late">((resolve) => (timer = setTimeout(resolve, withinMs, "late")));
    while (this.#underWay.size > 0)
      if ((await Promise.race([Promise.allSettled(this.#underWay.keys()), late])) === "late") break;
    clearTimeout(timer);
    const left = [...this.#underWay.values()].filter((request) => request !== undefined);
    this.#underWay.clear();
    await Promise.allSettled(
      left.map((request) =>
        this.#options.respond(
          request,
          faultContent(new Fault("going-away", `${request.to} has left before it could answer`)),
        ),
      ),
    );
  }

  async #answer(request: Request, handler: RequestHandler): Promise<void> {
    let answer: string | Content;
    try {
      answer = (await handler(request)) ?? "";
    } catch (thrown) {
      const fault = asFault(thrown);
      this.#options.failed("a request handler failed", { id: request.message_id, cause: String(thrown) });
      answer = faultContent(thrown instanceof Fault ? fault : new Fault(fault.code, "the agent failed to answer"));
    }
    await this.#options.respond(request, answer);
  }

  #begin(work: Promise<void>, request: Request | undefined): void {
    const done = work
      .catch((thrown: unknown) => {
        this.#options.failed("a handler failed", { cause: String(thrown) });
      })
      .finally(() => this.#underWay.delete(done));
    this.#underWay.set(done, request);
  }
}

function faultContent({ code, message }: Fault): Content {
  return { message, kind: "fault", data: { code } };
}

/** What came and was taken by no handler: kept in order, up to a bound, for whoever iterates. */
export class UnhandledMessages implements AsyncIterable<Envelope> {
  /** Messages that came when it was full. */
  dropped = 0;
  readonly #max: number;
  #messages: Envelope[] = [];
  #takers: ((result: IteratorResult<Envelope, undefined>) => void)[] = [];
  #closed = false;

  constructor(max: number) {
    this.#max = max;
  }

  /** @returns false if it was dropped */
  put(envelope: Envelope): boolean {
    const taker = this.#takers.shift();
    if (taker !== undefined) {
      taker({ value: envelope, done: false });
      return true;
    }
    if (this.#messages.length >= this.#max) {
      this.dropped += 1;
      return false;
    }
    this.#messages.push(envelope);
    return true;
  }

  /** Ends every iteration once what is kept has been taken. */
  close(): void {
    this.#closed = true;
    for (const taker of this.#takers.splice(0)) taker({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): AsyncIterator<Envelope, undefined> {
    let own: ((result: IteratorResult<Envelope, undefined>) => void) | undefined;
    return {
      next: () => {
        const envelope = this.#messages.shift();
        if (envelope !== undefined) return Promise.resolve({ value: envelope, done: false });
        if (this.#closed) return Promise.resolve({ value: undefined, done: true });
        return new Promise((resolve) => {
          own = resolve;
          this.#takers.push(resolve);
        });
      },
      return: () => {
        // Whoever stops listening takes no message any more.
        this.#takers = this.#takers.filter((taker) => taker !== own);
        own?.({ value: undefined, done: true });
        return Promise.resolve({ value: undefined, done: true });
      },
    };
  }
}
