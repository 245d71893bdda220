import type { Clock, Ledger } from "../core/index.js";
import type { Machine } from "./machine.js";
import type { TaskEnd, TaskListener, Task } from "./open-tasks.js";
import type { SystemFigures } from "./telemetry.js";

/** The figures are sampled this often while somebody looks, milliseconds. */
export const sampleMs = 1_000;
/** Of so many samples the rate and the load are made, and the shares. */
const shortSamples = 10;
const longSamples = 60;
/** Fewer messages of the last minute say nothing about errors, fewer copies nothing about losses. */
const fewMessages = 20;

/** What {@link SystemWatch} is made of. */
export interface SystemParts {
  readonly clock: Pick<Clock, "now" | "monotonic">;
  readonly ledger: Pick<Ledger, "messages" | "copies" | "ofBroker">;
  readonly machine: Machine;
  /** Messages that wait in mailboxes or are leased, and whether they can be kept at present. */
  readonly mail: () => { readonly depth: number; readonly isFailing: boolean };
  /** How late the event loop is, seconds, at the 99th percentile of the last ten. */
  readonly loopDelay: () => number;
  /** 0–1; null: no coordination is over. */
  readonly coordinationEfficiency: () => number | null;
}

/** What is counted up to one moment. */
interface Sample {
  readonly at: number;
  /** Messages between agents. */
  readonly messages: number;
  readonly accepted: number;
  /** Messages that were refused, malformed, or for nobody. */
  readonly failed: number;
  readonly written: number;
  readonly dropped: number;
  readonly answers: number;
  readonly answerMs: number;
  readonly busy: number;
  readonly processors: number;
}

type Alert = SystemFigures["alerts"][number];

/** From which value on an alert is told. */
interface Threshold {
  readonly component: string;
  readonly value: number | null;
  readonly warning: number;
  readonly critical: number;
  readonly message: string;
}

/** The figures of the whole system, sampled once a second while somebody looks. */
export class SystemWatch implements TaskListener {
  readonly #parts: SystemParts;
  // bound: 61 · evicts: the oldest · owner: SystemWatch
  readonly #samples: Sample[] = [];
  /** Since when each stands, wall clock. */
  // bound: one of each component and level · evicts: when it is over · owner: SystemWatch
  #alerts = new Map<string, Alert>();
  #answers = 0;
  #answerMs = 0;
  /** As of the last sample: there may be many mailboxes. */
  #mail = { depth: 0, isFailing: false };

  constructor(parts: SystemParts) {
    this.#parts = parts;
  }

  opened(): void {
    // It counts when it is answered.
  }

  ended(_task: Task, _end: TaskEnd, latencyMs: number | undefined): void {
    if (latencyMs === undefined) return;
    this.#answers += 1;
    this.#answerMs += latencyMs;
  }

  /** To be called once in {@link sampleMs}. */
  sample(): void {
    this.#mail = this.#parts.mail();
    this.#samples.push(this.#take());
    if (this.#samples.length > longSamples + 1) this.#samples.shift();
    this.#watch();
  }

  /** Forgets what was sampled. */
  clear(): void {
    this.#samples.length = 0;
    this.#alerts.clear();
  }

  /** `active`: agents that are online; `total`: those that are shown. */
  figures(active: number, total: number): SystemFigures {
    const { machine, coordinationEfficiency } = this.#parts;
    return {
      activeAgents: active,
      totalAgents: total,
      systemLoad: { cpu: this.#cpu, memory: machine.memory(), gpu: null },
      messageMetrics: {
        rate: this.#rate,
        queueDepth: this.#queueDepth,
        averageLatency: this.#averageLatency,
        errorRate: this.#errorRate(0),
      },
      networkHealth: this.#health(0),
      coordinationEfficiency: coordinationEfficiency(),
      alerts: [...this.#alerts.values()],
    };
  }

  /** The share of their time in which the machine's processors were busy, over the last 10 s. */
  get #cpu(): number | null {
    return this.#share("busy", "processors", shortSamples, 0);
  }

  /** Messages between agents that were accepted, a second, over the last 10 s. */
  get #rate(): number | null {
    const [now, before] = this.#span(shortSamples);
    if (now === undefined || before === undefined) return null;
    const seconds = (now.at - before.at) / 1_000;
    return seconds > 0 ? (now.messages - before.messages) / seconds : null;
  }

  /** Copies that wait for a slow receiver, and what waits in mailboxes. */
  get #queueDepth(): number {
    return this.#parts.ledger.copies.pending + this.#mail.depth;
  }

  /** Milliseconds from a request to its answer, the mean of the last 60 s, of all that was overheard. */
  get #averageLatency(): number | null {
    return this.#share("answerMs", "answers", longSamples, 0);
  }

  /** Of the messages of the last 60 s, the share that was refused, malformed, or for nobody. */
  #errorRate(least: number): number | null {
    return this.#share("failed", "accepted", longSamples, least);
  }

  /** Of the copies of the last 60 s that were written or lost, the share that was written. */
  #health(least: number): number | null {
    const [now, before] = this.#span(longSamples);
    if (now === undefined || before === undefined) return null;
    const written = now.written - before.written;
    const all = written + now.dropped - before.dropped;
    return all > least ? written / all : null;
  }

  #share(part: keyof Sample, whole: keyof Sample, samples: number, least: number): number | null {
    const [now, before] = this.#span(samples);
    if (now === undefined || before === undefined) return null;
    const all = now[whole] - before[whole];
    return all > least ? (now[part] - before[part]) / all : null;
  }

  /** The newest sample, and the one so many before it, or the first. */
  #span(samples: number): readonly [Sample | undefined, Sample | undefined] {
    const { length } = this.#samples;
    return length < 2
      ? [undefined, undefined]
      : [this.#samples.at(-1), this.#samples[Math.max(length - 1 - samples, 0)]];
  }

  #take(): Sample {
    const { clock, ledger, machine } = this.#parts;
    const { messages, copies, ofBroker } = ledger;
    const { busy, all } = machine.processors();
    const { full, closed, expired, unrenderable } = copies.dropped;
    return {
      at: clock.monotonic(),
      messages: messages.accepted - ofBroker,
      accepted: messages.accepted,
      failed: messages.refused + messages.malformed + messages.unroutable,
      written: copies.written,
      dropped: full + closed + expired + unrenderable,
      answers: this.#answers,
      answerMs: this.#answerMs,
      busy,
      processors: all,
    };
  }

  /** An alert begins when its value reaches a threshold, and is over when it is below. */
  #watch(): void {
    const alerts = new Map<string, Alert>();
    const timestamp = new Date(this.#parts.clock.now()).toISOString();
    const tell = (component: string, level: Alert["level"], message: string): void => {
      const key = `${component} ${level}`;
      const before = this.#alerts.get(key);
      alerts.set(key, { level, message, component, timestamp: before?.timestamp ?? timestamp });
    };
    for (const { component, value, warning, critical, message } of this.#thresholds()) {
      const isBad =
        warning > critical
          ? (at: number) => value !== null && value <= at
          : (at: number) => value !== null && value >= at;
      if (isBad(warning)) tell(component, isBad(critical) ? "critical" : "warning", message);
    }
    if (this.#mail.isFailing) tell("mailboxes", "critical", "What is said to mailboxes cannot be kept on disk");
    this.#alerts = alerts;
  }

  #thresholds(): readonly Threshold[] {
    const { machine, loopDelay } = this.#parts;
    const machineLoad = "The machine's processors are busy nearly all the time";
    const memory = "The machine's memory is nearly full";
    const queue = "High message queue depth detected";
    const late = "The broker is late: its event loop is blocked, or the machine is too slow";
    const errors = "Many messages are refused, malformed, or for nobody";
    const losses = "Copies are lost: receivers are too slow, or their connections break";
    return [
      { component: "processors", value: this.#cpu, warning: 0.9, critical: 0.98, message: machineLoad },
      { component: "memory", value: machine.memory(), warning: 0.9, critical: 0.97, message: memory },
      { component: "message-bus", value: this.#queueDepth, warning: 1_000, critical: 10_000, message: queue },
      { component: "event-loop", value: loopDelay(), warning: 0.1, critical: 1, message: late },
      { component: "messages", value: this.#errorRate(fewMessages), warning: 0.05, critical: 0.25, message: errors },
      { component: "network", value: this.#health(fewMessages), warning: 0.99, critical: 0.9, message: losses },
    ];
  }
}
