import { Fault, type Clock } from "../../core/index.js";
import type { AnyDialect, Closing, Connection, Frame, Hello, Receiver } from "../../dialect/index.js";
import type { Bridge } from "./engine.js";

/** A dialect and its bridge. */
export interface Served {
  readonly dialect: AnyDialect;
  readonly bridge: Bridge;
}

/**
 * The bridge that has the listener for itself, else the one that answers by path, else by subprotocol; undefined if the
 * first frame must tell (protocols §8.4).
 */
export function chooseByHello(served: readonly Served[], { own, path, subprotocol }: Hello): Bridge | undefined {
  if (own !== undefined) return served.find(({ dialect }) => dialect.name === own)?.bridge;
  const byPath = served.find(({ dialect }) => dialect.paths.includes(path));
  const bySubprotocol =
    subprotocol === undefined ? undefined : served.find(({ dialect }) => dialect.subprotocols.includes(subprotocol));
  return (byPath ?? bySubprotocol)?.bridge;
}

/** The bridge that knows the `type` of a first frame. */
export function chooseByFrame(served: readonly Served[], frame: Frame): Bridge | undefined {
  const type = typeof frame === "string" ? typeOf(frame) : undefined;
  return type === undefined ? undefined : served.find(({ dialect }) => dialect.firstTypes.includes(type))?.bridge;
}

/** What {@link Undecided} needs. */
export interface UndecidedOptions {
  readonly clock: Clock;
  /** Time for the first frame. */
  readonly waitMs: number;
  /** Called when it has a dialect, or is gone. */
  readonly settled: (undecided: Undecided) => void;
}

/**
 * A connection at `/` whose dialect is not known yet. What no dialect knows, and silence, is the fallback dialect's to
 * refuse.
 */
export class Undecided implements Receiver {
  readonly #served: readonly Served[];
  readonly #connection: Connection;
  readonly #hello: Hello;
  readonly #settle: () => void;
  #chosen: Receiver | undefined;
  #phase: "waiting" | "chosen" | "closed" = "waiting";

  constructor(
    served: readonly Served[],
    connection: Connection,
    hello: Hello,
    { clock, waitMs, settled }: UndecidedOptions,
  ) {
    this.#served = served;
    this.#connection = connection;
    this.#hello = hello;
    const cancel = clock.after(waitMs, () => {
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

  closed(closing: Closing): void {
    this.#phase = "closed";
    this.#settle();
    this.#chosen?.closed(closing);
  }

  #choose(frame: Frame): void {
    const bridge = chooseByFrame(this.#served, frame);
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
    const fallback = this.#served.find(({ dialect }) => dialect.fallback)?.bridge;
    this.#chosen = fallback?.open(this.#connection, this.#hello, fault);
    if (fallback === undefined) this.#connection.close({ code: 1008, reason: fault.message });
  }
}

function unknown(message: string): Fault {
  return new Fault("unauthenticated", message, { fatal: true });
}

/**
 * The `type` of a JSON object, or of the first of several on lines of their own; else undefined. Only looked at:
 * whoever is chosen reads the frame again, with care.
 */
function typeOf(text: string): string | undefined {
  const end = text.indexOf("\n");
  return typeOfWhole(text) ?? (end === -1 ? undefined : typeOfWhole(text.slice(0, end)));
}

function typeOfWhole(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string"
      ? value.type
      : undefined;
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return undefined;
    throw thrown;
  }
}
