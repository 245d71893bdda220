import type { StreamName, ViewerEvent } from "./events.js";

/** Hears events of one type. What it throws is thrown where nobody catches it, as that of an event handler. */
export type Listener<Type extends string> = (event: ViewerEvent<Type>) => void;

/** Events that wait for whoever iterates at most, unless they say more. */
const waitingMaxDefault = 10_000;

/** Events as they come, one after the other, until the viewer is closed. */
export interface EventStream<Type extends string> extends AsyncIterableIterator<ViewerEvent<Type>, undefined> {
  /** Events that were dropped, the oldest first, because too many waited. */
  readonly dropped: number;
  return(): Promise<IteratorReturnResult<undefined>>;
}

/** Who wants to hear what. */
export class Listeners {
  // bound: types that the application listens to · evicts: when the last stops · owner: Listeners
  readonly #byType = new Map<string, Set<Listener<never>>>();
  // bound: iterations of the application · evicts: when each ends · owner: Listeners
  readonly #ends = new Set<() => void>();

  /** @param type of events, or `*`: all @returns stops it */
  on<Type extends string>(type: Type, listener: Listener<Type>): () => void {
    const listeners = this.#byType.get(type) ?? new Set();
    this.#byType.set(type, listeners);
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#byType.get(type) === listeners) this.#byType.delete(type);
    };
  }

  /** @param types which; none: all @param waitingMax events that wait at most; then the oldest are dropped */
  events<Type extends StreamName>(types: readonly Type[], waitingMax = waitingMaxDefault): EventStream<Type> {
    // bound: waitingMax · evicts: the oldest · owner: this iteration
    const waiting: ViewerEvent<Type>[] = [];
    // bound: calls of next() at once · evicts: with each event, and at the end · owner: this iteration
    const wanting: ((result: IteratorResult<ViewerEvent<Type>, undefined>) => void)[] = [];
    let dropped = 0;
    let isOver = false;
    const hear = (event: ViewerEvent<Type>): void => {
      const next = wanting.shift();
      if (next !== undefined) next({ done: false, value: event });
      else if (waiting.push(event) > waitingMax) {
        waiting.shift();
        dropped += 1;
      }
    };
    const all: readonly string[] = types.length === 0 ? ["*"] : types;
    const offs = all.map((type) => this.on(type, hear as Listener<string>));
    const end = (): void => {
      isOver = true;
      this.#ends.delete(end);
      for (const off of offs) off();
      for (const next of wanting.splice(0)) next({ done: true, value: undefined });
    };
    this.#ends.add(end);
    const stream: EventStream<Type> = {
      get dropped() {
        return dropped;
      },
      [Symbol.asyncIterator]: () => stream,
      next() {
        const value = waiting.shift();
        if (value !== undefined) return Promise.resolve({ done: false, value });
        if (isOver) return Promise.resolve({ done: true, value: undefined });
        return new Promise((resolve) => wanting.push(resolve));
      },
      return() {
        end();
        waiting.length = 0;
        return Promise.resolve({ done: true, value: undefined });
      },
    };
    return stream;
  }

  tell(event: ViewerEvent): void {
    for (const type of [event.type, "*"]) {
      for (const listener of [...(this.#byType.get(type) ?? [])]) {
        try {
          (listener as Listener<string>)(event);
        } catch (thrown) {
          // The others are told all the same.
          queueMicrotask(() => {
            throw thrown;
          });
        }
      }
    }
  }

  /** Nothing more comes: what waits can still be taken. */
  end(): void {
    for (const end of [...this.#ends]) end();
  }
}
