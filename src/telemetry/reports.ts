import {
  asFault,
  Fault,
  isIssued,
  noticeBody,
  noticeOf,
  telemetryTopic,
  type Envelope,
  type Exchange,
  type Limits,
  type Message,
} from "../core/index.js";
import { Capabilities } from "./capabilities.js";
import type { ReportedFigures } from "./performances.js";
import type { ReportedPosition } from "./positions.js";
import { ReportBytes } from "./report-bytes.js";
import { ReportPace } from "./report-pace.js";
import { readCapability, readMetrics, readPosition, readState } from "./report-schemas.js";
import type { ReportedState } from "./states.js";
import type { CapabilityUpdate, CoordinationEvent } from "./telemetry.js";

/** What an agent has reported last, until it goes. */
interface Facts {
  readonly position?: ReportedPosition;
  readonly state?: ReportedState;
  readonly metrics?: ReportedFigures;
}

/** What {@link Reports} is made of. */
export interface ReportsParts {
  readonly exchange: Exchange;
  readonly limits: Pick<Limits, "telemetryReportMaxBytes" | "telemetryMaxBytes" | "capabilitiesPerAgentMax">;
  /** True for agents that are here: of nobody else something is kept. */
  readonly isHere: (agent: string) => boolean;
  /** Takes what agents announce of coordinations. @throws Fault */
  readonly announce: (type: CoordinationEvent["type"], from: string, payload: unknown) => void;
  /** What has just been reported. */
  readonly news: {
    position(agent: string, position: ReportedPosition): void;
    state(agent: string, state: ReportedState): void;
    metrics(agent: string): void;
    capability(agent: string, update: Pick<CapabilityUpdate, "action" | "capability">): void;
  };
}

/** A report that was read and is in order. */
interface Report {
  /** What of its kind it is about: a newer one about the same takes its place. */
  readonly about: string;
  /** @throws Fault */
  readonly take: () => void;
}

/** How a kind of report is read. @throws Fault malformed, too-large */
type Reader = (from: string, data: unknown, isIssued: boolean) => Report;

/** What is kept beside what a report says, bytes. */
const overheadBytes = 100;

/** Reads what agents tell of themselves on `$telemetry` (Visualisation §3.7), and keeps the newest until they go. */
export class Reports {
  readonly capabilities: Capabilities;
  readonly #parts: ReportsParts;
  readonly #bytes: ReportBytes;
  readonly #pace: ReportPace;
  // bound: telemetryMaxBytes, one of each kind for an agent that is online · evicts: forget() · owner: Reports
  readonly #facts = new Map<string, Facts>();
  // bound: as #facts · evicts: with them · owner: Reports
  readonly #sizes = new Map<string, Map<keyof Facts, number>>();
  readonly #kinds: Readonly<Record<string, Reader>>;
  #ends: readonly (() => void)[] = [];

  constructor(parts: ReportsParts) {
    this.#parts = parts;
    this.#bytes = new ReportBytes(parts.limits);
    this.#pace = new ReportPace(parts.exchange.clock, parts.exchange.ledger);
    this.capabilities = new Capabilities(parts.limits, this.#bytes);
    const { news } = parts;
    this.#kinds = {
      "telemetry.position": this.#fact("position", readPosition, (from, position) => {
        news.position(from, position);
      }),
      "telemetry.state": this.#fact("state", readState, (from, state) => {
        news.state(from, state);
      }),
      "telemetry.metrics": this.#fact("metrics", readMetrics, (from) => {
        news.metrics(from);
      }),
      "telemetry.capability": (from, data, isOfOperator) => {
        const { action, capability } = readCapability(data);
        return {
          about: capability.name,
          take: () => {
            news.capability(from, this.capabilities.report(from, action, capability, isOfOperator));
          },
        };
      },
      "coordination.initiated": this.#announcement("coordination.initiated"),
      "coordination.progress": this.#announcement("coordination.progress"),
    };
  }

  /** From now on the broker reads what is reported. */
  open(): void {
    const { router } = this.#parts.exchange;
    const guard = (message: Message): Fault | undefined => this.#refusal(message);
    // A guard, so that whoever reports hears what is wrong in the words of its dialect; the report itself is public.
    this.#ends = [
      router.guard(telemetryTopic, guard, false),
      router.subscribe(telemetryTopic, { deliver: (_message, observed) => !observed }),
    ];
  }

  close(): void {
    for (const end of this.#ends) end();
    this.#ends = [];
    this.#pace.close();
  }

  /** What it has reported last. */
  of(agent: string): Facts {
    return this.#facts.get(agent) ?? {};
  }

  /** The agent is gone, and with it all that it has said of itself. */
  forget(agent: string): void {
    this.#pace.forget(agent);
    this.capabilities.forget(agent);
    this.#facts.delete(agent);
    this.#sizes.delete(agent);
    this.#bytes.forget(agent);
  }

  /** Takes a report, or says why not. */
  #refusal(message: Message): Fault | undefined {
    const { envelope } = message;
    if (envelope === undefined) return undefined; // counted as malformed before it comes here
    try {
      this.#take(envelope, message);
      return undefined;
    } catch (thrown) {
      this.#parts.exchange.ledger.count("report-refused");
      return asFault(thrown);
    }
  }

  #take(envelope: Envelope, { speaker }: Message): void {
    const { from, type, content } = envelope;
    if (type !== "inform")
      throw new Fault("unsupported", `nobody answers at ${telemetryTopic}; report by inform, and ask $broker`);
    const kind = content.kind ?? "";
    const reader = Object.hasOwn(this.#kinds, kind) ? this.#kinds[kind] : undefined;
    if (reader === undefined)
      throw new Fault(
        "unsupported",
        `there is no report of this kind; content.kind is one of ${Object.keys(this.#kinds).join(", ")}`,
      );
    if (!this.#parts.isHere(from))
      throw new Fault("not-found", `${from} is not online, so nothing is kept of it; subscribe to your own name first`);
    const { data } = content;
    if (typeof data !== "object" || data === null || Array.isArray(data))
      throw new Fault("malformed", "content.data is missing; it is an object");
    mustBeOwn(from, data);
    if (kind.startsWith("telemetry.")) this.#mustFit(data);
    const { about, take } = reader(from, data, speaker !== undefined && isIssued(speaker));
    let isNow = true;
    this.#pace.pass(from, kind, about, () => {
      try {
        take();
      } catch (thrown) {
        if (isNow) throw thrown;
        this.#tellLate(asFault(thrown), envelope);
      }
    });
    isNow = false;
  }

  /** What is said of coordinations has a bound of its own. @throws Fault too-large */
  #mustFit(data: object): void {
    const { telemetryReportMaxBytes: max } = this.#parts.limits;
    const bytes = Buffer.byteLength(JSON.stringify(data));
    if (bytes > max)
      throw new Fault(
        "too-large",
        `a report has ${String(max)} bytes at most (telemetryReportMaxBytes); this has ${String(bytes)}`,
      );
  }

  /** What had to wait could not be taken after all. */
  #tellLate(fault: Fault, envelope: Envelope): void {
    const { exchange } = this.#parts;
    exchange.ledger.count("report-refused");
    exchange.announce(envelope.from, noticeBody(noticeOf(fault, envelope)));
  }

  #fact<K extends keyof Facts, T extends NonNullable<Facts[K]>>(
    field: K,
    readData: (data: unknown) => T,
    tell: (from: string, fact: T) => void,
  ): Reader {
    return (from, data, isOfOperator) => {
      const fact = readData(data);
      return {
        about: "",
        take: () => {
          this.#keep(from, field, fact, isOfOperator);
          tell(from, fact);
        },
      };
    };
  }

  #announcement(type: CoordinationEvent["type"]): Reader {
    return (from, data) => ({
      about: String((data as { readonly coordinationId?: unknown }).coordinationId),
      take: () => {
        this.#parts.announce(type, from, data);
      },
    });
  }

  /** @throws Fault full */
  #keep<K extends keyof Facts>(from: string, field: K, fact: NonNullable<Facts[K]>, isOfOperator: boolean): void {
    const sizes = this.#sizes.get(from) ?? new Map<keyof Facts, number>();
    const bytes = Buffer.byteLength(JSON.stringify(fact)) + overheadBytes;
    this.#bytes.change(from, bytes - (sizes.get(field) ?? 0), isOfOperator);
    sizes.set(field, bytes);
    this.#sizes.set(from, sizes);
    this.#facts.set(from, { ...this.#facts.get(from), [field]: fact });
  }
}

/** @throws Fault forbidden */
function mustBeOwn(from: string, data: object): void {
  const agentId: unknown = Object.hasOwn(data, "agentId")
    ? (data as Readonly<Record<string, unknown>>)["agentId"]
    : null;
  if (agentId !== null && agentId !== from)
    throw new Fault("forbidden", "data.agentId is somebody else; an agent reports of itself only");
}
