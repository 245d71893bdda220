import { Fault, type Content, type Envelope } from "../../../src/core/index.js";
import type { Request } from "./options.js";

/** Takes a request; what it returns is the response. */
export type RequestHandler = (request: Request) => string | Content | undefined | Promise<string | Content | undefined>;

/** An agent's handlers that have begun and not ended, and what becomes of them when it leaves. */
export class RunningHandlers {
  readonly #max: number;
  readonly #respond: (request: Request, content: string | Content) => Promise<void>;
  readonly #onFailure: (event: string, fields: Readonly<Record<string, unknown>>) => void;
  // bound: answeringMax of the agent's options · evicts: one more request is answered as full · owner: RunningHandlers
  readonly #running = new Map<Promise<void>, Request | undefined>();
  #phase: "open" | "closing" = "open";

  /**
   * @param max handlers that may run at once
   * @param respond sends the response to a request
   * @param onFailure is told of a handler that failed
   */
  constructor(
    max: number,
    respond: (request: Request, content: string | Content) => Promise<void>,
    onFailure: (event: string, fields: Readonly<Record<string, unknown>>) => void,
  ) {
    this.#max = max;
    this.#respond = respond;
    this.#onFailure = onFailure;
  }

  /** True if no further handler may begin. */
  get isFull(): boolean {
    return this.#running.size >= this.#max;
  }

  /** Answers a request with what its handler returns; what the handler throws is sent as a fault. */
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
    this.#begin(this.#respond(request, faultContent(fault)), undefined);
  }

  /** Waits until the handlers have ended, `withinMs` at most; requests still open then are answered as `going-away`. */
  async drain(withinMs: number): Promise<void> {
    this.#phase = "closing";
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<"late">((resolve) => (timer = setTimeout(resolve, withinMs, "late")));
    while (this.#running.size > 0)
      if ((await Promise.race([Promise.allSettled(this.#running.keys()), late])) === "late") break;
    clearTimeout(timer);
    const left = [...this.#running.values()].filter((request) => request !== undefined);
    this.#running.clear();
    await Promise.allSettled(
      left.map((request) =>
        this.#respond(request, faultContent(new Fault("going-away", `${request.to} has left before it could answer`))),
      ),
    );
  }

  async #answer(request: Request, handler: RequestHandler): Promise<void> {
    let answer: string | Content;
    try {
      answer = (await handler(request)) ?? "";
    } catch (thrown) {
      await this.#failed(request, thrown);
      return;
    }
    try {
      await this.#respond(request, answer);
    } catch (thrown) {
      // What the handler gave cannot be said: the asker must not wait for it, nor read that it has said something wrong.
      if (isUnsayable(thrown)) await this.#failed(request, thrown.message);
      else throw thrown;
    }
  }

  /** Tells the application what failed, and the asker that something did. */
  async #failed(request: Request, thrown: unknown): Promise<void> {
    this.#onFailure("a request handler failed", { id: request.message_id, cause: String(thrown) });
    const told = thrown instanceof Fault ? thrown : new Fault("internal", "the agent failed to answer");
    await this.#respond(request, faultContent(told));
  }

  #begin(work: Promise<void>, request: Request | undefined): void {
    const done = work
      .catch((thrown: unknown) => {
        this.#onFailure("a handler failed", { cause: String(thrown) });
      })
      .finally(() => this.#running.delete(done));
    this.#running.set(done, request);
  }
}

/** Why a message is not answered; undefined for a request. In JavaScript anything can be given for one. */
export function unanswerable(message: Envelope): Fault | undefined {
  const given: unknown = message;
  const { type, from, message_id: id } = Object(given) as Readonly<Record<keyof Envelope, unknown>>;
  if (type !== "request")
    return new Fault("malformed", `this ${String(type)} wants no answer: only a request can be answered`);
  if (typeof from === "string" && typeof id === "string") return undefined;
  return new Fault("malformed", "this is no request: give one that this agent has heard, as it came");
}

/** True if an answer was refused for what it is, before it was sent. */
function isUnsayable(thrown: unknown): thrown is Fault {
  return thrown instanceof Fault && (thrown.code === "malformed" || thrown.code === "too-large");
}

function faultContent({ code, message }: Fault): Content {
  return { message, kind: "fault", data: { code } };
}
