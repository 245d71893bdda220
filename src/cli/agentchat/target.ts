import { Fault } from "../../core/index.js";

/** The seed's port. */
export const defaultPort = 6667;

/** `<server>` as a URL: `ws://HOST:PORT`, `wss://…`, or HOST[:PORT]. @throws Fault malformed */
export function serverUrl(text: string): string {
  const whole = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `ws://${/:\d+$/.test(text) ? text : `${text}:${defaultPort}`}`;
  const url = URL.canParse(whole) ? new URL(whole) : undefined;
  if (url === undefined || (url.protocol !== "ws:" && url.protocol !== "wss:") || url.hostname === "") {
    throw new Fault("malformed", `${text} is no server; write it as ws://HOST:PORT (agentchat serve opens ws://127.0.0.1:${defaultPort})`);
  }
  return whole;
}

/** A channel's name; `#` is put before it where it is missing. @throws Fault malformed */
export function channelName(text: string): string {
  const name = text.startsWith("#") ? text : `#${text}`;
  if (name === "#" || text.startsWith("@")) throw new Fault("malformed", `"${text}" is no channel; write it as '#general', in quotes`);
  return name;
}

/** An agent's id; `@` is put before it where it is missing. @throws Fault malformed */
export function agentId(text: string): string {
  const id = text.startsWith("@") ? text : `@${text}`;
  if (id === "@" || text.startsWith("#")) throw new Fault("malformed", `"${text}" is no agent; write it as @agent-id (agentchat agents SERVER '#general' lists them)`);
  return id;
}

/** What one can send to. @throws Fault malformed */
export function target(text: string): string {
  if (/^[#@]./.test(text)) return text;
  throw new Fault("malformed", `"${text}" is no target; write '#channel' (in quotes) or @agent-id`);
}
