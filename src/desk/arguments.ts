import { Fault, type Content } from "../core/index.js";
import type { Ask, Seat } from "./kind.js";

/** A text that a request must give, in `content.data` or in `content` itself. @throws Fault malformed */
export function text({ content }: Ask["request"], name: string): string {
  const value = argument(content, name);
  if (typeof value !== "string" || value === "")
    throw new Fault("malformed", `content.data.${name} is missing; it is a text`);
  return value;
}

/** A whole number from 0, or undefined where there is none. @throws Fault malformed */
export function count({ content }: Ask["request"], name: string): number | undefined {
  const value = argument(content, name);
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0)
    throw new Fault("malformed", `content.data.${name} is a whole number from 0`);
  return value;
}

/** Yes or no; no where it is absent. @throws Fault malformed */
export function flag({ content }: Ask["request"], name: string): boolean {
  const value = argument(content, name) ?? false;
  if (typeof value !== "boolean") throw new Fault("malformed", `content.data.${name} is true or false`);
  return value;
}

/**
 * The asker's connections, the one that subscribed to `room` itself first.
 * @throws Fault unauthenticated if it has none
 */
export function seatsFor({ seats, request }: Ask, room: string): readonly [Seat, ...Seat[]] {
  const [first, ...rest] = [...seats].sort((one, other) => Number(other.wants(room)) - Number(one.wants(room)));
  if (first !== undefined) return [first, ...rest];
  throw new Fault(
    "unauthenticated",
    `${request.from} does not hear anything here: subscribe to your own name, or declare it (X-Agent), before you join rooms`,
  );
}

/** What a request gives under `name`, in `content.data` or in `content` itself. */
export function argument(content: Content, name: string): unknown {
  const { data } = content;
  if (typeof data === "object" && data !== null && Object.hasOwn(data, name))
    return (data as Readonly<Record<string, unknown>>)[name];
  return Object.hasOwn(content, name) ? content[name] : undefined;
}
