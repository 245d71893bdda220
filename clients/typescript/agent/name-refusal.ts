import { Fault, type Envelope } from "../../../src/core/index.js";
import { isFaultNotice } from "./incoming.js";

/**
 * Why the broker does not let an agent hear its own name now: `conflict` if somebody uses it in another dialect,
 * `unauthenticated` if it has an owner. Undefined for every other message. The broker admits such a connection, tells it
 * so, and lets the name sleep until it is free (ZeroMQ §5.6).
 */
export function nameRefusal(envelope: Envelope, name: string): Fault | undefined {
  if (!isFaultNotice(envelope)) return undefined;
  const { data, message } = envelope.content;
  const { subscription, code }: { readonly subscription?: unknown; readonly code?: unknown } =
    typeof data === "object" && data !== null ? data : {};
  if (subscription !== name) return undefined;
  return new Fault(code === "conflict" ? code : "unauthenticated", `the broker refuses ${name}: ${message}`);
}
