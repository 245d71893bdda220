import { renameSync } from "node:fs";
import { errorCode } from "./daemon-client.js";
import { appendLines, sizeOf } from "./files.js";
import { Gate, pause } from "./gate.js";
import type { DaemonLog } from "./log.js";
import type { OutboxFile, OutboxLine } from "./outbox-file.js";
import { isBlank, readOutboxLine, type Outgoing } from "./outbox-line.js";
import { Pace } from "./pace.js";
import type { Uplink } from "./uplink.js";

/** What sends the outbox. */
export interface OutboxOptions {
  readonly file: OutboxFile;
  /** Path of `outbox.rejected.jsonl`. */
  readonly rejected: string;
  readonly uplink: Pick<Uplink, "connected" | "deliver">;
  readonly log: DaemonLog;
  /** How often the file is looked at when nothing says that it changed, milliseconds. */
  readonly pollMs: number;
}

/** A message costs 1 at the server, the ping behind it 0.1. */
const messageCost = 1.1;
/** After a disk that was full, milliseconds. */
const retryMs = 1_000;
/** Without a server nothing is done but wait, so long at a time, milliseconds. */
const onlineMs = 60_000;
/** A server that fails at a message each time: after so many it is set aside. */
const internalTries = 5;
const rotateBytes = 5 * 1024 * 1024;

/** Sends the outbox line by line, in order, each until the server has taken or refused it; what it can never take is set aside with the reason. */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #changed = new Gate();
  readonly #pace = new Pace();
  #failing = false;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** The file has changed, perhaps. */
  look(): void {
    this.#changed.open();
  }

  /** Sends until the signal is given. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#changed.shut();
      const line = await this.#write(() => this.#options.file.next(), signal);
      if (line === undefined) await this.#changed.passed(signal, this.#options.pollMs);
      else if (await this.#dealWith(line, signal)) {
        await this.#write(() => {
          this.#options.file.done(line);
        }, signal);
      }
    }
  }

  /** False if it was not done with when the signal came. */
  async #dealWith(line: OutboxLine, signal: AbortSignal): Promise<boolean> {
    if (line.bytes === undefined) return this.#setAside(line, "it is too long to be a message", signal);
    if (isBlank(line.bytes)) return true;
    const read = readOutboxLine(line.bytes);
    if (typeof read === "string") return this.#setAside(line, read, signal);
    return this.#send(line, read, signal);
  }

  async #send(line: OutboxLine, message: Outgoing, signal: AbortSignal): Promise<boolean> {
    const { uplink, log } = this.#options;
    const { messageId } = line;
    for (let internal = 0; !signal.aborted; ) {
      if (!(await uplink.connected(signal, onlineMs))) continue;
      const waitMs = this.#pace.take(performance.now(), messageCost);
      if (waitMs > 0) {
        await pause(signal, waitMs);
        continue;
      }
      const delivery = await uplink.deliver(message, messageId);
      if (delivery.kind === "sent") {
        log.info({ messageId }, "sent");
        return true;
      }
      const { code } = delivery;
      if (code === "INTERNAL") internal += 1;
      if (delivery.kind === "refused" || internal === internalTries) return this.#setAside(line, `refused by the server: ${code}`, signal);
      log.info({ messageId, code, afterMs: delivery.afterMs }, "not taken yet; it is sent again");
      if (code === "RATE_LIMITED") this.#pace.pause(performance.now(), delivery.afterMs);
      else await pause(signal, delivery.afterMs);
    }
    return false;
  }

  async #setAside({ bytes, offset, messageId }: OutboxLine, reason: string, signal: AbortSignal): Promise<boolean> {
    const { rejected, log } = this.#options;
    const line = bytes && new TextDecoder().decode(bytes);
    const kept = await this.#write(() => {
      if (sizeOf(rejected) > rotateBytes) renameSync(rejected, `${rejected}.1`);
      appendLines(rejected, [JSON.stringify({ ts: Date.now(), reason, offset, line })]);
      return true;
    }, signal);
    if (kept === true) log.warn({ messageId, offset, reason }, "outbox line set aside");
    return kept === true;
  }

  /** Does something with the disk until it succeeds: nothing more is sent meanwhile, so that nothing is lost or sent twice. Undefined if the signal came first. */
  async #write<T>(task: () => T, signal: AbortSignal): Promise<T | undefined> {
    for (;;) {
      try {
        const result = task();
        if (this.#failing) this.#options.log.info({}, "the disk can be written again; sending goes on");
        this.#failing = false;
        return result;
      } catch (thrown) {
        if (!this.#failing) this.#options.log.warn({ code: errorCode(thrown) }, "the outbox or its record cannot be read or written; nothing is sent until it can");
        this.#failing = true;
      }
      if (signal.aborted) return undefined;
      await pause(signal, retryMs);
    }
  }
}
