import type { Endpoints } from "./endpoints.js";
import type { MessageListener } from "./link.js";
import type { ZmqLink } from "./link-zeromq.js";
import { agentDefaults, type ConnectOptions } from "./options.js";

/** What an agent does with its link. */
export interface LinkEnds {
  /** Which of the programs under its name the agent is. */
  readonly instance: string;
  readonly heard: MessageListener;
  /** The broker is reached, for the first time or again. */
  readonly connected: () => void;
}

/**
 * Makes the two sockets of an agent, which hear its own topic, and finds the broker's doors. Nothing is connected yet.
 * The zeromq package is loaded here: agents in the broker's own process do without it.
 * @throws Fault malformed, unavailable
 */
export async function linkOf(
  options: ConnectOptions,
  ends: LinkEnds,
): Promise<{ readonly link: ZmqLink; readonly endpoints: Endpoints }> {
  const [zmq, { findEndpoints }] = await Promise.all([import("./link-zeromq.js"), import("./endpoints.js")]);
  const endpoints = findEndpoints(options);
  const link = new zmq.ZmqLink({
    ...endpoints,
    ...ends,
    name: options.name,
    ...(options.token !== undefined && { token: options.token }),
    publishTimeoutMs: options.publishTimeoutMs ?? agentDefaults.publishTimeoutMs,
    silentMs: options.silentMs ?? agentDefaults.silentMs,
  });
  link.subscribe(options.name);
  return { link, endpoints };
}
