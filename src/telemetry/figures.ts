import { Minutes, windowMs } from "./minutes.js";
import type { TaskEnd } from "./open-tasks.js";
import type { Performance } from "./telemetry.js";

/** Answers of which the average response time is made. */
const answersMax = 100;
/** What differs less is stable: shares by so much, times by a tenth. */
const shareStep = 0.05;
const timeStep = 0.1;
const fields = ["answered", "failed", "responses", "responseMs", "busyMs"] as const;

/** What is counted of one agent since somebody looks at it. */
export class AgentFigures {
  /** The number of its last change that somebody is still to be told. */
  change = 0;
  /** Messages said, and those for its name. */
  messagesSent = 0;
  messagesReceived = 0;
  /** What was told last of what others count of it: its queue and its connections. */
  outside = "";
  readonly #since: number;
  /** Most agents never answer anything: made when there is something to count. */
  #minutes: Minutes<(typeof fields)[number]> | undefined;
  #activeAt: number;
  #answered = 0;
  #failed = 0;
  /** Requests that it took part in, on either side: those that are over, and those of them that were answered. */
  #over = 0;
  #replied = 0;
  /** Milliseconds to each of its last answers, and the place of the next one. */
  readonly #times: number[] = [];
  #nextTime = 0;
  #timesSum = 0;
  /** Since when it owes an answer without a pause; undefined: it owes none. */
  #busyFrom: number | undefined;

  /** @param now monotonic, milliseconds, as everywhere here */
  constructor(now: number) {
    this.#since = now;
    this.#activeAt = now;
  }

  /** A request to it is over. */
  served(end: TaskEnd, latencyMs: number | undefined, now: number): void {
    this.#tookPart(end, now);
    if (end === "cancelled" || end === "forgotten") return;
    const isAnswered = end === "answered";
    if (isAnswered) this.#answered += 1;
    else this.#failed += 1;
    this.#counted(now).add(isAnswered ? "answered" : "failed", 1, now);
    if (latencyMs !== undefined) this.#answeredIn(latencyMs, now);
  }

  /** A request of its own is over. */
  asked(end: TaskEnd, now: number): void {
    this.#tookPart(end, now);
  }

  /** It owes answers from now on, or none any more. */
  owes(isBusy: boolean, now: number): void {
    this.#countBusy(now);
    this.#busyFrom = isBusy ? now : undefined;
    this.#activeAt = now;
  }

  /** True while something of it changes though it neither speaks nor hears: the last two minutes pass. */
  isFading(now: number): boolean {
    return this.#busyFrom !== undefined || now - this.#activeAt <= 2 * windowMs + 10_000;
  }

  /** Milliseconds from request to answer, the mean of its last 100; null: it has given none. */
  get averageMs(): number | null {
    return this.#times.length === 0 ? null : this.#timesSum / this.#times.length;
  }

  /** Requests that it has answered without `data.error`. */
  get tasksCompleted(): number {
    return this.#answered;
  }

  /**
   * Requests that it has answered without `data.error`, of those that it has answered or whose own time is over; null:
   * there was none.
   */
  get successRate(): number | null {
    return share(this.#answered, this.#answered + this.#failed);
  }

  /**
   * Requests from it and to it that were answered, whatever the answer said, of those that were answered or whose own
   * time is over; null: there was none.
   */
  get communicationEfficiency(): number | null {
    return share(this.#replied, this.#over);
  }

  /** Of the last 60 s, or of the time since it is counted, the share in which it owed an answer; null: just begun. */
  utilization(now: number): number | null {
    this.#countBusy(now);
    const countedMs = Math.min(now - this.#since, windowMs);
    return countedMs <= 0 ? null : Math.min(this.#sum("busyMs", 0, now) / countedMs, 1);
  }

  /**
   * The last 60 s against the 60 s before. Shares that differ by 0.05, and times that differ by a tenth, have changed;
   * null where there is nothing to compare.
   */
  trends(now: number): Performance["trends"] {
    this.#countBusy(now);
    const sum = (field: (typeof fields)[number], back: 0 | 1): number => this.#sum(field, back, now);
    const isLong = now - this.#since >= 2 * windowMs;
    const success = compared((back) => share(sum("answered", back), sum("answered", back) + sum("failed", back)));
    const response = compared((back) => share(sum("responseMs", back), sum("responses", back)));
    const load = compared((back) => (isLong ? sum("busyMs", back) / windowMs : null));
    return {
      successRateTrend: success && direction(success.recent - success.before, shareStep, "improving", "declining"),
      responseTrend:
        response && direction(response.recent - response.before, response.before * timeStep, "degrading", "improving"),
      loadTrend: load && direction(load.recent - load.before, shareStep, "increasing", "decreasing"),
    };
  }

  #counted(now: number): Minutes<(typeof fields)[number]> {
    return (this.#minutes ??= new Minutes(fields, now));
  }

  #sum(field: (typeof fields)[number], back: 0 | 1, now: number): number {
    return this.#minutes?.sum(field, back, now) ?? 0;
  }

  #answeredIn(latencyMs: number, now: number): void {
    this.#counted(now).add("responses", 1, now);
    this.#counted(now).add("responseMs", latencyMs, now);
    this.#timesSum += latencyMs - (this.#times[this.#nextTime] ?? 0);
    this.#times[this.#nextTime] = latencyMs;
    this.#nextTime = (this.#nextTime + 1) % answersMax;
  }

  #tookPart(end: TaskEnd, now: number): void {
    this.#activeAt = now;
    if (end === "cancelled" || end === "forgotten") return;
    this.#over += 1;
    if (end !== "late") this.#replied += 1;
  }

  #countBusy(now: number): void {
    if (this.#busyFrom === undefined) return;
    this.#counted(now).addTime("busyMs", this.#busyFrom, now);
    this.#busyFrom = now;
  }
}

/** Null: of nothing. */
function share(part: number, whole: number): number | null {
  return whole > 0 ? part / whole : null;
}

/** Of the last minute and the one before; null: one of them has no data. */
function compared(of: (back: 0 | 1) => number | null): { readonly recent: number; readonly before: number } | null {
  const [recent, before] = [of(0), of(1)];
  return recent === null || before === null ? null : { recent, before };
}

function direction<More extends string, Less extends string>(
  difference: number,
  step: number,
  more: More,
  less: Less,
): More | Less | "stable" {
  // What is summed in parts is exact to a rounding error.
  if (Math.abs(difference) < step - 1e-9 || difference === 0) return "stable";
  return difference > 0 ? more : less;
}
