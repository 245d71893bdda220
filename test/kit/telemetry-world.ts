import { FakeClock } from "../../src/conformance/fake-clock.js";
import {
  defaultLimits,
  Exchange,
  Fault,
  Ledger,
  Message,
  principal,
  Router,
  Slices,
  type Envelope,
  type FaultCode,
  type Limits,
  type Principal,
} from "../../src/core/index.js";
import { DirectoryMemory, type Presence } from "../../src/directory/index.js";
import { Coordinations } from "../../src/telemetry/coordination/index.js";
import { TelemetryMemory, type TelemetryOptions } from "../../src/telemetry/telemetry-memory.js";
import type { CapabilityUpdate, SeenAgent, StateChange } from "../../src/telemetry/telemetry.js";

/** Everything that telemetry stands on, and what it tells. Dialect `secret`: listed to contacts only. */
export class TelemetryWorld {
  readonly clock = new FakeClock();
  readonly ledger = new Ledger();
  readonly router = new Router();
  readonly exchange: Exchange;
  readonly directory: DirectoryMemory;
  readonly coordinations: Coordinations;
  readonly telemetry: TelemetryMemory;
  /** What listeners were told, each since the last {@link told}. */
  readonly changes: StateChange[] = [];
  readonly registered: SeenAgent[] = [];
  readonly capabilities: CapabilityUpdate[] = [];
  /** What the broker has told agents by itself. */
  readonly notices: Envelope[] = [];
  readonly failed: unknown[] = [];
  /** What the mailboxes hold, by name. */
  readonly mail = new Map<string, number>();
  readonly machine = { busy: 0, all: 0, used: 0.5, loopDelay: 0, isFailing: false };
  readonly #presences = new Map<string, Presence>();
  readonly #subscriptions = new Map<string, () => void>();
  #ids = 0;

  constructor(limits: Partial<Limits> = {}, more: Partial<TelemetryOptions> = {}) {
    const all = { ...defaultLimits, ...limits };
    const { clock, ledger, router, machine } = this;
    this.exchange = new Exchange(router, ledger, clock, () => this.newId());
    this.directory = new DirectoryMemory({
      router,
      exchange: this.exchange,
      clock,
      limits: all,
      endings: new Slices(clock),
      contacts: { listedIn: new Set(["secret"]), sealedIn: new Set(), operator: "operator" },
    });
    this.coordinations = new Coordinations({
      clock,
      ledger,
      limits: all,
      isHidden: (agent) => this.directory.contacts.isListedName(agent),
    });
    this.telemetry = new TelemetryMemory({
      exchange: this.exchange,
      directory: this.directory,
      limits: all,
      dataTopics: ["prices"],
      coordinations: this.coordinations,
      machine: {
        processors: () => ({ busy: machine.busy, all: machine.all }),
        memory: () => machine.used,
      },
      mail: () => ({ depth: [...this.mail.values()].reduce((sum, one) => sum + one, 0), isFailing: machine.isFailing }),
      mailDepth: (agent) => this.mail.get(agent),
      loopDelay: () => machine.loopDelay,
      isDemo: (agent) => agent.startsWith("demo-"),
      failed: (thrown) => this.failed.push(thrown),
      ...more,
    });
    this.telemetry.start();
    this.telemetry.listen({
      registered: (agent) => this.registered.push(agent),
      stateChanged: (change) => this.changes.push(change),
      capability: (update) => this.capabilities.push(update),
    });
  }

  newId(): string {
    return `id-${String((this.#ids += 1))}`;
  }

  arrive(name: string, dialect = "pan", who: Principal = principal(name, "shared")): void {
    this.#presences.set(name, this.directory.arrive({ principal: who, dialect }));
    const hear = (message: Message): boolean => {
      if (message.envelope?.from === "$broker") this.notices.push(message.envelope);
      return true;
    };
    this.#subscriptions.set(name, this.router.subscribe(name, { deliver: hear }));
  }

  depart(name: string): void {
    this.#subscriptions.get(name)?.();
    this.#subscriptions.delete(name);
    this.#presences.get(name)?.depart();
    this.#presences.delete(name);
  }

  /** Says something. @returns its id @throws Fault */
  say(from: string, to: string, more: Partial<Envelope> = {}, as: Partial<Message> = {}): string {
    const id = more.message_id ?? this.newId();
    const envelope: Envelope = {
      message_id: id,
      timestamp: new Date(this.clock.now()).toISOString(),
      from,
      to,
      type: "inform",
      priority: "NORMAL",
      content: { message: "hello" },
      ...more,
    };
    const arrival = { topic: to, receivedAt: this.clock.now(), trust: "claimed" as const, origin: {} };
    this.ledger.messages.accepted += 1;
    this.exchange.submit(Object.assign(Message.of(envelope, arrival), as));
    return id;
  }

  ask(from: string, to: string, more: Partial<Envelope> = {}, as: Partial<Message> = {}): string {
    return this.say(from, to, { type: "request", ...more }, as);
  }

  answer(from: string, to: string, inReplyTo?: string, data?: unknown): void {
    const content = { message: "done", ...(data !== undefined && { data }) };
    this.say(from, to, { type: "response", content, ...(inReplyTo !== undefined && { in_reply_to: inReplyTo }) });
  }

  /** An agent reports of itself. @returns the code of the refusal */
  report(from: string, kind: string, data: unknown, type: Envelope["type"] = "inform"): FaultCode | "taken" {
    try {
      this.say(from, "$telemetry", { type, content: { message: kind, kind, data } });
      return "taken";
    } catch (thrown) {
      if (thrown instanceof Fault) return thrown.code;
      throw thrown;
    }
  }

  /** What states were told since the last call: `name STATE reason`. */
  told(): string[] {
    return this.changes.splice(0).map(({ agent, newState, reason }) => `${agent.name} ${newState} ${reason}`);
  }

  state(name: string): string | undefined {
    return this.telemetry.agent(name)?.state;
  }
}
