import { createHash } from "node:crypto";
import type { ServerEventOf } from "./events.js";

/** Messages remembered; a server of other makers tells up to 200 again in each channel. */
const rememberedMax = 4096;

/**
 * Knows which past messages a server tells again though the application has heard them: other servers do so after every
 * JOIN, so after every reconnect. A message is known by its sender and `msg_id`; without one, by sender, target, time
 * and text; in a durable channel by its place there.
 */
export class HeardBefore {
  // bound: rememberedMax hashes · evicts: the oldest for a new one · owner: HeardBefore
  readonly #heard = new Set<string>();
  // bound: channels that the application joined with replay on this connection · evicts: with the connection · owner:
  // HeardBefore
  readonly #wanted = new Set<string>();

  /** The application asks for the past of a channel, whether it has heard it or not. */
  want(channel: string): void {
    this.#wanted.add(channel);
  }

  /** A connection begins: what the server tells again on it, nobody has asked for. */
  begin(): void {
    this.#wanted.clear();
  }

  /** Remembers a message. @returns true if it is told again, was heard before, and nobody has asked for it */
  isRepeated({ from, to, ts, content, msg_id: msgId, replay, epoch, room_seq: seq }: ServerEventOf<"MSG">): boolean {
    const named = msgId === "" ? [from, to, ts, content] : [from, msgId];
    const what = epoch === undefined || seq === undefined ? named : [to, epoch, seq];
    const hash = createHash("sha256").update(JSON.stringify(what)).digest("base64");
    if (this.#heard.has(hash)) return replay === true && !this.#wanted.has(to);
    this.#heard.add(hash);
    const [oldest] = this.#heard;
    if (this.#heard.size > rememberedMax && oldest !== undefined) this.#heard.delete(oldest);
    return false;
  }
}
