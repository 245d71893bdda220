import { Pace } from "./delivery.js";
import { fileFailure } from "./errors.js";
import type { Inbox } from "./inbox.js";
import { inboxError } from "./inbox-error.js";
import type { DaemonLog } from "./log.js";
import type { OutboxFile, OutboxLine, OutboxTail } from "./outbox-file.js";
import { isUtf16, utf16Remedy } from "./outbox-encoding.js";
import { isBlank, isUnrepeatable, lastHeard, readOutboxLine, type Outgoing } from "./outbox-line.js";
import { setAside, type Reason } from "./rejected.js";
import type { Uplink } from "./uplink.js";
import { ResettableEvent, pause } from "./waiting.js";

/** The file that an {@link Outbox} reads, the connection it sends over, and who is told. */
export interface OutboxOptions {
  readonly file: OutboxFile;
  /** Path of `outbox.rejected.jsonl`. */
  readonly rejected: string;
  readonly inbox: Pick<Inbox, "add" | "flush" | "lines">;
  readonly uplink: Pick<Uplink, "agentId" | "addedChannels" | "connected" | "deliver">;
  readonly log: DaemonLog;
  /** How often the file is read if no change is reported, milliseconds. */
  readonly pollMs: number;
  /** A line was set aside. */
  readonly onSetAside: () => void;
}

/** A failed read or write of the disk is repeated after this time, milliseconds. */
const retryMs = 1_000;
/** How long one wait for a connection takes before it is repeated, milliseconds. */
const onlineMs = 60_000;
/** A line that the server does not answer, or fails on, is set aside after so many attempts. */
const failuresMax = 5;

/** The fate of a line: still open when the signal came; done; done, and the inbox tells of it. */
type Outcome = "open" | "done" | "told";

/**
 * Sends the outbox line by line, in order, each until the server has taken or refused it. A line that the server can
 * never take is set aside with the reason, and the inbox tells of it, too.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #changed = new ResettableEvent();
  readonly #unended = new UnendedLine();
  #pace = new Pace();
  #failing = false;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** The file may have changed: it is read now. */
  wake(): void {
    this.#changed.set();
  }

  /** Sends until the signal is given. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { file, inbox, uplink, pollMs } = this.#options;
    while (!signal.aborted) {
      this.#changed.reset();
      const line = await this.#write(() => file.next(), signal);
      if (file.wasOverwritten()) this.#tellOverwritten();
      if (line === undefined) {
        this.#tellUnended();
        if (file.isSearching) await pause(signal, 0);
        else await this.#changed.wait(signal, pollMs);
        continue;
      }
      const outcome = await this.#dealWith(line, signal);
      if (outcome === "open") continue;
      await this.#write(() => {
        if (outcome === "told") inbox.flush(); // what came of the line is there before the line is forgotten
        file.done(line, uplink.addedChannels);
      }, signal);
    }
  }

  async #dealWith(line: OutboxLine, signal: AbortSignal): Promise<Outcome> {
    if (line.bytes === undefined)
      return this.#setAside(line, { code: "INVALID_MSG", message: "it is too long to be a message" }, signal);
    if (isBlank(line.bytes)) return "done";
    const read = readOutboxLine(line.bytes);
    if (typeof read === "string") return this.#setAside(line, { code: "INVALID_MSG", message: read }, signal);
    return this.#send(line, read, signal);
  }

  async #send(line: OutboxLine, said: Outgoing, signal: AbortSignal): Promise<Outcome> {
    const { file, uplink, log } = this.#options;
    const { messageId } = line;
    let again = file.begun(line) !== undefined;
    for (let failures = 0; !signal.aborted;) {
      if (!(await uplink.connected(signal, onlineMs))) continue;
      const waitMs = this.#pace.take(performance.now());
      if (waitMs > 0) {
        await pause(signal, waitMs);
        continue;
      }
      const self = uplink.agentId;
      if (self === undefined) {
        await pause(signal, retryMs); // lost again at once
        continue;
      }
      if (await this.#wasTaken(line, said, self, signal)) {
        log.info({ messageId, type: said.type }, "said before, and taken: it is not said again");
        return "told";
      }
      if (!(await this.#begin(line, said, self, signal))) return "open";
      const delivery = await uplink.deliver(said, messageId);
      if (delivery.kind === "sent") {
        log.info({ messageId, ...(said.type !== "MSG" && { type: said.type }) }, "sent");
        return said.type === "MSG" ? "done" : "told";
      }
      const { code } = delivery;
      if (code === "INTERNAL" || (code === "TIMEOUT" && said.type !== "MSG")) failures += 1;
      if (delivery.kind === "refused" || failures === failuresMax) {
        if (again && (await this.#wasTaken(line, said, self, signal))) {
          log.info({ messageId, type: said.type, code }, "refused when it was said again; it was taken before");
          return "told";
        }
        return this.#setAside(line, again && said.type !== "MSG" ? saidAgain(delivery) : delivery, signal);
      }
      log.info({ messageId, code, afterMs: delivery.afterMs }, "not taken yet; it is sent again");
      if (code === "RATE_LIMITED") this.#pace.refused(performance.now(), delivery.afterMs);
      else {
        again = true;
        this.#pace = new Pace(); // on another connection the server counts from the beginning
        await pause(signal, delivery.afterMs);
      }
    }
    return "open";
  }

  /**
   * Writes down that a line is about to be sent for the first time: after a crash the next process has to know it.
   * @returns false if the signal came first
   */
  async #begin(line: OutboxLine, said: Outgoing, self: string, signal: AbortSignal): Promise<boolean> {
    const { file, inbox } = this.#options;
    const isRepeatable = !isUnrepeatable(said);
    if (isRepeatable ? said.type !== "MSG" : file.begun(line) !== undefined) return true;
    const begun = await this.#write(() => {
      if (isRepeatable) file.sending(line);
      else file.begin(line, lastHeard(said, inbox.lines(), self));
      return true;
    }, signal);
    return begun === true;
  }

  /** True if the inbox tells of a step that was begun before, and did not tell of it then. */
  async #wasTaken(line: OutboxLine, said: Outgoing, self: string, signal: AbortSignal): Promise<boolean> {
    const { file, inbox } = this.#options;
    const before = file.begun(line);
    if (!isUnrepeatable(said) || before === undefined) return false;
    const heard = await this.#write(() => lastHeard(said, inbox.lines(), self), signal);
    return heard !== undefined && heard !== "" && heard !== before;
  }

  async #setAside(line: OutboxLine, reason: Reason, signal: AbortSignal): Promise<Outcome> {
    const { rejected, inbox, log, onSetAside } = this.#options;
    const kept = await this.#write(() => {
      setAside(rejected, line, reason, log);
      return true;
    }, signal);
    if (kept !== true) return "open";
    const { messageId, offset, head } = line;
    inbox.add(inboxError(reason.code, reason.message, head));
    const why = line.bytes !== undefined && isUtf16(line.bytes) ? { error: utf16Remedy } : {};
    log.warn({ messageId, offset, code: reason.code, ...why }, "outbox line set aside");
    onSetAside();
    return "told";
  }

  #tellOverwritten(): void {
    const { inbox, log } = this.#options;
    log.warn({}, "the outbox was written anew with lines that were sent before; none of them is sent again");
    inbox.add(
      inboxError(
        "INVALID_MSG",
        "outbox.jsonl was written anew with lines that were sent before, and none of them is sent again: " +
          "append lines (>>), never overwrite",
      ),
    );
  }

  #tellUnended(): void {
    const { file, inbox, log } = this.#options;
    const tail = this.#unended.check(file.tail, performance.now());
    if (tail === undefined) return;
    log.warn({ offset: tail.offset, bytes: tail.size - tail.offset }, "outbox ends within a line, which is not sent");
    inbox.add(
      inboxError(
        "INVALID_MSG",
        "the last line of outbox.jsonl is not sent, since it is not ended: end each line with a newline",
        tail.head,
      ),
    );
  }

  /**
   * Repeats a task on the disk until it succeeds. Nothing more is sent meanwhile, so that nothing is lost or sent
   * twice.
   * @returns undefined if the signal came first
   */
  async #write<T>(task: () => T, signal: AbortSignal): Promise<T | undefined> {
    for (;;) {
      try {
        const result = task();
        if (this.#failing) this.#options.log.info({}, "the disk can be written again; sending goes on");
        this.#failing = false;
        return result;
      } catch (thrown) {
        if (!this.#failing)
          this.#options.log.warn(
            fileFailure(thrown),
            "the outbox or its record cannot be read or written; nothing is sent until it can",
          );
        this.#failing = true;
      }
      if (signal.aborted) return undefined;
      await pause(signal, retryMs);
    }
  }
}

/** The server may refuse the line because it took it the first time; there is no way to know. */
function saidAgain({ code, message }: Reason): Reason {
  return {
    code,
    message: `${message} (this line was said again after an interruption: it may have been taken the first time)`,
  };
}

/** A writer that writes a line in pieces has this long for the next piece, milliseconds. */
const unendedMs = 5_000;

/** Notices that the writer of the outbox has forgotten the newline. */
export class UnendedLine {
  #seen: { readonly messageId: string; readonly size: number; readonly sinceMs: number } | undefined;
  #told: string | undefined;

  /**
   * @param nowMs of a clock that never goes back
   * @returns the tail if it has not changed for five seconds, once for each
   */
  check(tail: OutboxTail | undefined, nowMs: number): OutboxTail | undefined {
    if (tail === undefined || isBlank(tail.head)) {
      this.#seen = undefined;
      return undefined;
    }
    const { messageId, size } = tail;
    if (this.#seen?.messageId !== messageId || this.#seen.size !== size)
      this.#seen = { messageId, size, sinceMs: nowMs };
    if (nowMs - this.#seen.sinceMs < unendedMs || this.#told === messageId) return undefined;
    this.#told = messageId;
    return tail;
  }
}
