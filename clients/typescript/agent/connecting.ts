import type { Endpoints } from "./endpoints.js";
import { refuseUnknown } from "./known-options.js";
import type { MessageListener } from "./link.js";
import type { ZmqLink } from "./link-zeromq.js";
import { agentDefaults, type ConnectOptions } from "./options.js";
import { checkName } from "./outgoing.js";

/** Every option of {@link ConnectOptions}. */
const known: Readonly<Record<keyof ConnectOptions, true>> = {
  name: true,
  displayName: true,
  token: true,
  mailbox: true,
  in: true,
  out: true,
  dataDir: true,
  exclusive: true,
  hearOwn: true,
  log: true,
  requestTimeoutMs: true,
  readyTimeoutMs: true,
  publishTimeoutMs: true,
  silentMs: true,
  pendingMax: true,
  inboxMax: true,
  answeringMax: true,
  messageMaxBytes: true,
};

/** In JavaScript anything can be given. @throws Fault malformed: the name, an option that is none */
export function checkOptions(options: ConnectOptions): void {
  checkName((Object(options) as Partial<ConnectOptions>).name);
  refuseUnknown("connect", options, Object.keys(known));
}

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
