import { Fault, type Envelope } from "../../../src/core/index.js";
import { isFaultNotice } from "./incoming.js";

/**
 * Why the broker does not let an agent hear its own name now; undefined for every other message. The broker admits a
 * connection whose name somebody else has, tells it so, and lets the name sleep until it is free (ZeroMQ §5.6).
 */
export function nameRefusal(envelope: Envelope, name: string): Fault | undefined {
  if (!isFaultNotice(envelope)) return undefined;
  const { data, message } = envelope.content;
  const { subscription }: { readonly subscription?: unknown } = typeof data === "object" && data !== null ? data : {};
  return subscription === name ? new Fault("unauthenticated", `the broker refuses ${name}: ${message}`) : undefined;
}
