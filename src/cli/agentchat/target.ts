import { wrongUsage } from "./exit.js";

/** The seed's port. */
export const defaultPort = 6667;

/** `<server>` as a URL: `ws://HOST:PORT`, `wss://…`, or HOST[:PORT]. @throws CommandFailure */
export function serverUrl(text: string): string {
  const whole = /^[a-z][a-z0-9+.-]*:\/\//i.test(text)
    ? text
    : `ws://${/:\d+$/.test(text) ? text : `${text}:${defaultPort}`}`;
  const url = URL.canParse(whole) ? new URL(whole) : undefined;
  if (url === undefined || (url.protocol !== "ws:" && url.protocol !== "wss:") || url.hostname === "") {
    throw wrongUsage(
      `${text} is no server; write it as ws://HOST:PORT (agentchat serve opens ws://127.0.0.1:${defaultPort})`,
    );
  }
  return whole;
}

/** A channel's name; `#` is put before it where it is missing. @throws CommandFailure */
export function channelName(text: string): string {
  const name = text.startsWith("#") ? text : `#${text}`;
  if (name === "#" || text.startsWith("@"))
    throw wrongUsage(`"${text}" is no channel; write it as '#general', in quotes`);
  return name;
}

/** Channels as words, or several in one word with commas between them. @throws CommandFailure */
export function channelNames(words: readonly string[]): readonly string[] {
  return words.flatMap((word) =>
    word
      .split(/[\s,]+/)
      .filter((name) => name !== "")
      .map(channelName),
  );
}

/** An agent's id; `@` is put before it where it is missing. @throws CommandFailure */
export function agentId(text: string): string {
  const id = text.startsWith("@") ? text : `@${text}`;
  if (id === "@" || text.startsWith("#"))
    throw wrongUsage(`"${text}" is no agent; write it as @agent-id (agentchat agents SERVER '#general' lists them)`);
  return id;
}

/** What one can send to. @throws CommandFailure */
export function target(text: string): string {
  if (/^[#@]./.test(text)) return text;
  const meant = /^[A-Za-z0-9_.-]+$/.test(text) ? `; did you mean '#${text}' or @${text}?` : "";
  throw wrongUsage(
    `"${text}" is no target${meant === "" ? "; " : `${meant} `}write '#channel' (in quotes) or @agent-id`,
  );
}
