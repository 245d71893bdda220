import { table } from "../output.js";
import { untrustedText } from "./harmless.js";

/** For people: channels, and how many agents are in each. */
export function channelTable(channels: readonly { readonly name: string; readonly agents: number }[]): string {
  return table(channels.map(({ name, agents }) => [untrustedText(name), String(agents)]));
}
