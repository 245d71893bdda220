import { Fault } from "../../core/index.js";
import type { AnyDialect, Closing, Connection, Frame, Hello, Receiver } from "../../dialect/index.js";
import type { Bridge } from "./engine.js";

/** A dialect and its bridge. */
export interface InService {
  readonly dialect: AnyDialect;
  readonly bridge: Bridge;
}

/**
 * The bridge that has the listener for itself, else the one that answers by path, else by subprotocol; undefined if the
 * first frame must tell (protocols §8.1–8.3). The list has the built-in dialects first.
 */
export function chooseByHello(inService: readonly InService[], { own, path, subprotocol }: Hello): Bridge | undefined {
  if (own !== undefined) return inService.find(({ dialect }) => dialect.name === own)?.bridge;
  const byPath = inService.find(({ dialect }) => dialect.paths.includes(path));
  const bySubprotocol =
    subprotocol === undefined ? undefined : inService.find(({ dialect }) => dialect.subprotocols.includes(subprotocol));
  return (byPath ?? bySubprotocol)?.bridge;
}

/**
 * The bridge whose dialect recognises a first frame, the built-in ones first; a dialect that fails at it does not
 * (protocols §8.4, §8.6).
 */
export function chooseByFrame(
  inService: readonly InService[],
  frame: Frame,
  failed: (dialect: string, thrown: unknown) => void,
): Bridge | undefined {
  return inService.find(({ dialect }) => {
    try {
      return dialect.recognises(frame);
    } catch (thrown) {
      failed(dialect.name, thrown);
      return false;
    }
  })?.bridge;
}

/** How long a connection may be undecided, and who hears that it is no longer. */
export interface UndecidedOptions {
  /** Time for the first frame. */
  readonly waitMs: number;
  /** Called when it has a dialect, or is gone. */
  readonly settled: (undecided: Undecided) => void;
  /** Called when a dialect throws while it looks at a first frame. */
  readonly failed: (dialect: string, thrown: unknown) => void;
}

/**
 * A connection at `/` whose dialect is not known yet. What no dialect knows, and silence, is the fallback dialect's to
 * refuse.
 */
export class Undecided implements Receiver {
  readonly #inService: readonly InService[];
  readonly #connection: Connection;
  readonly #hello: Hello;
  readonly #settle: () => void;
  readonly #failed: UndecidedOptions["failed"];
  #chosen: Receiver | undefined;
  #phase: "waiting" | "chosen" | "closed" = "waiting";

  constructor(
    inService: readonly InService[],
    connection: Connection,
    hello: Hello,
    { waitMs, settled, failed }: UndecidedOptions,
  ) {
    this.#inService = inService;
    this.#connection = connection;
    this.#hello = hello;
    this.#failed = failed;
    const cancel = connection.deadline(waitMs, () => {
      this.refuse(unknown(`nothing was said within ${Math.round(waitMs / 1000)} s; connect again and log in first`));
    });
    this.#settle = () => {
      cancel();
      settled(this);
    };
  }

  frame(frame: Frame): void {
    if (this.#phase === "waiting") this.#choose(frame);
    this.#chosen?.frame(frame);
  }

  oversized(frame: Frame): void {
    if (this.#chosen?.oversized === undefined)
      this.refuse(unknown("the first message is longer than any may be; log in first"));
    else this.#chosen.oversized(frame);
  }

  drained(): void {
    this.#chosen?.drained?.();
  }

  stuck(): void {
    if (this.#chosen?.stuck === undefined) this.#connection.terminate();
    else this.#chosen.stuck();
  }

  get patienceMs(): number {
    return this.#chosen?.patienceMs ?? 0;
  }

  silent(): boolean {
    return this.#chosen?.silent?.() === true;
  }

  closed(closing: Closing): void {
    this.#phase = "closed";
    this.#settle();
    this.#chosen?.closed(closing);
  }

  #choose(frame: Frame): void {
    const bridge = chooseByFrame(this.#inService, frame, this.#failed);
    if (bridge === undefined) {
      this.refuse(
        unknown("no dialect is known by this first frame; log in first, or connect at the path of a dialect"),
      );
      return;
    }
    this.#settle();
    this.#phase = "chosen";
    this.#chosen = bridge.open(this.#connection, this.#hello);
  }

  /** Ends it, in the words of the fallback dialect. */
  refuse(fault: Fault): void {
    this.#settle();
    this.#phase = "chosen";
    const fallback = this.#inService.find(({ dialect }) => dialect.fallback)?.bridge;
    this.#chosen = fallback?.open(this.#connection, this.#hello, fault);
    if (fallback === undefined) this.#connection.close({ code: 1008, reason: fault.message });
  }
}

function unknown(message: string): Fault {
  return new Fault("unauthenticated", message, { fatal: true });
}
