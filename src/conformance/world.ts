import assert from "node:assert/strict";
import { Bridges } from "../websocket/engine/index.js";
import { ConversationsMemory, followAnswers, RequestsMemory } from "../conversation/index.js";
import {
  agentNameProblem,
  BacklogTotal,
  brokerTopic,
  defaultLimits,
  Exchange,
  Fault,
  Ledger,
  looksLike,
  Message,
  noticeBody,
  principal,
  Router,
  type Envelope,
  type Limits,
  type Log,
  type Principal,
  Slices,
} from "../core/index.js";
import { Desk, type DeskOptions } from "../desk/index.js";
import { contactsOf, limitsOf, settingsOf, type AnyDialect, type Hello } from "../dialect/index.js";
import { DirectoryMemory } from "../directory/directory-memory.js";
import { LimiterMemory, operatorName, type Credential, type Identity } from "../identity/index.js";
import { keepsRooms, Mailboxes, ownerOf } from "../mailbox/index.js";
import { MailStoreMemory } from "../mailbox/mail-store-memory.js";
import type { CommandEvent, Webhooks } from "../telemetry/telemetry.js";
import { Coordinations } from "../telemetry/coordination/index.js";
import { TelemetryMemory } from "../telemetry/telemetry-memory.js";
import { TablesMemory } from "../storage/table-memory.js";
import { MultiAgents } from "../telemetry/multi-agents.js";
import { Conversation } from "./conversation.js";
import { FakeClock } from "./fake-clock.js";
import { MemoryConnection } from "./memory-connection.js";

/**
 * Knows the shared token `shared`, and each agent's own: `own NAME`, and `observing NAME`, which carries the scope
 * `observe`, `viewing NAME` with `observe`, `inspect` and `control`, `operating NAME` with `operate`.
 */
export class TestIdentity implements Identity {
  // bound: what one case says · evicts: nothing, it goes with its world · owner: TestIdentity
  readonly protectedNames = new Set<string>();
  readonly protectedCount = 0;

  get protections(): number {
    return this.protectedNames.size;
  }

  plain(): Principal {
    throw new Fault("unauthenticated", "no ZeroMQ here");
  }

  token(agent: string, token: string, displayName?: string): Principal {
    const problem = agentNameProblem(agent);
    if (problem !== undefined) throw new Fault("malformed", `the name ${problem}`);
    const more = displayName === undefined ? {} : { displayName };
    const proved = { ...more, proof: `token:${agent}` };
    if (token === `own ${agent}`) return principal(agent, "proved", proved);
    if (token === `observing ${agent}`) return principal(agent, "proved", { ...proved, scopes: ["observe"] });
    if (token === `viewing ${agent}`)
      return principal(agent, "proved", {
        ...proved,
        tokenId: `of ${agent}`,
        scopes: ["observe", "inspect", "control"],
      });
    if (token === `operating ${agent}`) return principal(agent, "proved", { ...proved, scopes: ["operate"] });
    if (token === "shared" && !this.isProtected(agent)) return principal(agent, "shared", more);
    throw new Fault("unauthenticated", "wrong token");
  }

  bearer(token: string): Promise<Credential> {
    const only = /^(?:own|observing|viewing|operating) (.+)$/.exec(token)?.[1];
    if (only === undefined && token !== "shared") return Promise.reject(new Fault("unauthenticated", "wrong token"));
    return Promise.resolve({
      only,
      owner: only === undefined ? "shared" : `token:${only}`,
      speakFor: (agent, displayName) =>
        new Promise((resolve) => {
          resolve(this.token(agent, token, displayName));
        }),
      viewer: () =>
        new Promise((resolve) => {
          resolve(only === undefined ? principal("shared", "shared") : this.token(only, token));
        }),
    });
  }

  isProtected(name: string): boolean {
    return this.protectedNames.has(name) || this.protectedLike(name) !== undefined;
  }

  protectedLike(name: string): string | undefined {
    if (this.protectedNames.has(name)) return undefined;
    return [...this.protectedNames].find((other) => looksLike(name, other));
  }

  remember({ agent }: Principal): undefined {
    this.protectedNames.add(agent);
  }

  forget(name: string): Promise<boolean> {
    return Promise.resolve(this.protectedNames.delete(name));
  }

  proved(): void {
    // nobody here claims names
  }

  proxied(): ReadonlySet<string> {
    return new Set();
  }

  issue(): Promise<string> {
    return Promise.reject(new Fault("unavailable", "no tokens here"));
  }
}

const noWebhooks: Webhooks = {
  refusal: () => new Fault("malformed", "nothing is POSTed from here"),
  send: () => undefined,
};

/** A broker without sockets: the engine, some dialects, the services in memory, and a clock that a test drives. */
export class ConformanceWorld {
  readonly clock = new FakeClock();
  readonly ledger = new Ledger();
  readonly router: Router;
  readonly identity = new TestIdentity();
  readonly limits: Limits;
  readonly total: BacklogTotal;
  readonly exchange: Exchange;
  readonly directory: DirectoryMemory;
  readonly requests: RequestsMemory;
  readonly desk: Desk;
  readonly mailboxes: Mailboxes;
  readonly bridges: Bridges;
  /** What is known of agents, as viewers see it. */
  readonly telemetry: TelemetryMemory;
  /** What dialects have told the audit log. */
  readonly audited: CommandEvent[] = [];
  readonly log: { readonly level: string; readonly event: string; readonly fields: unknown }[] = [];
  readonly #ownTimers: number;
  #ids = 0;

  constructor(
    dialects: readonly AnyDialect[],
    options: {
      /** The core's limits or a dialect's own. */
      readonly limits?: Readonly<Record<string, number>>;
      readonly dataTopics?: readonly string[];
      /** Settings of a dialect, by its name. */
      readonly settings?: Readonly<Record<string, object>>;
      /** What the broker's desk answers; all that it ever does, if nothing is said. */
      readonly kinds?: DeskOptions["kinds"];
      /** Where answers are POSTed; nowhere, if nothing is said. */
      readonly webhooks?: Webhooks;
    } = {},
  ) {
    const router = (this.router = new Router(options.dataTopics));
    const { clock, ledger } = this;
    const limits: Limits = { ...defaultLimits, ...limitsOf(dialects), ...options.limits };
    this.limits = limits;
    this.total = new BacklogTotal(limits.backlogTotalMaxBytes, ledger);
    const settings = Object.fromEntries(
      Object.entries(settingsOf(dialects)).map(([name, own]) => [name, { ...own, ...options.settings?.[name] }]),
    );
    const newId = (): string => `id-${(this.#ids += 1)}`;
    this.exchange = new Exchange(router, ledger, clock, newId);
    this.directory = new DirectoryMemory({
      router,
      exchange: this.exchange,
      limits,
      clock,
      endings: new Slices(clock),
      boxOwner: (name) => ownerOf(this.mailboxes.mailbox(name)?.box),
      outlives: (speaker) => keepsRooms(this.mailboxes, speaker),
      contacts: { ...contactsOf(settings, dialects), operator: operatorName },
    });
    const tables = new TablesMemory();
    this.directory.contacts.load(tables);
    this.requests = new RequestsMemory({ limits, clock });
    const conversations = new ConversationsMemory({
      limits,
      clock,
      requests: this.requests,
      stored: (from, to) => this.mailboxes.asked(from, to),
    });
    followAnswers(this.exchange, { conversations, requests: this.requests });
    const limiter = new LimiterMemory({ limits, clock });
    const log: Log = (level, event, fields) => {
      this.log.push({ level, event, fields });
    };
    this.mailboxes = new Mailboxes({
      store: new MailStoreMemory(),
      exchange: this.exchange,
      clock,
      limits,
      newId,
      log,
      tell: (agent, notice) => {
        this.exchange.announce(agent, noticeBody(notice));
      },
      mayClaim: true,
      isProtected: (name) => this.identity.isProtected(name),
      reviewRooms: (name) => this.directory.reviewAway(name),
    });
    const multiAgents = new MultiAgents({ exchange: this.exchange, clock, limits, witness: () => undefined });
    multiAgents.load(tables.table("multiagents"));
    this.desk = new Desk({
      multiAgents,
      exchange: this.exchange,
      directory: this.directory,
      mailboxes: this.mailboxes,
      limits,
      limiter,
      log,
      askers: { askerOf: () => undefined }, // nobody but sessions asks here
      status: () => ({ up: true }),
      ...(options.kinds !== undefined && { kinds: options.kinds }),
    });
    const telemetry = (this.telemetry = telemetryOf(this, options.dataTopics ?? []));
    telemetry.start();
    this.bridges = new Bridges({
      dialects,
      exchange: this.exchange,
      router,
      ledger,
      total: this.total,
      services: {
        directory: this.directory,
        identity: this.identity,
        limiter,
        tables,
        serverName: "test",
        telemetry,
        webhooks: options.webhooks ?? noWebhooks,
        audit: (line) => this.audited.push(line),
      },
      settings,
      requests: this.requests,
      conversations,
      clock,
      limits,
      newId,
      desk: this.desk,
      dataTopics: options.dataTopics ?? [],
      log,
    });
    void this.mailboxes.start(); // does its work at once
    void this.bridges.start(); // does its work at once
    this.#ownTimers = clock.waiting;
  }

  /** Timers that sessions have set; the engine's own left out. */
  get waiting(): number {
    return this.clock.waiting - this.#ownTimers;
  }

  /** A new connection; nothing has been said on it. */
  connect(path: string, more: Partial<Hello> & { readonly remote?: string } = {}): Conversation {
    const connection = new MemoryConnection({
      id: `connection-${(this.#ids += 1)}`,
      clock: this.clock,
      ledger: this.ledger,
      remote: more.remote ?? "127.0.0.1",
    });
    connection.maxBytes = this.limits.wsBacklogMaxBytes;
    connection.receiver = this.bridges.accept(connection, {
      remote: connection.remote,
      path,
      subprotocol: undefined,
      bearer: undefined,
      headers: {},
      ...more,
    });
    return new Conversation(connection);
  }

  /** An agent of another transport. @returns what it has heard so far, as `from: text` */
  neighbour(name: string): readonly string[] {
    const heard: string[] = []; // bound: what one case says · evicts: nothing, it goes with its world · owner: the case
    this.directory.arrive({ principal: principal(name, "proved", { proof: "x" }), dialect: "own" });
    this.router.subscribe(name, {
      deliver: ({ envelope }) => {
        if (envelope !== undefined) heard.push(`${envelope.from}: ${envelope.content.message}`);
        return true;
      },
    });
    return heard;
  }

  /** An inform of somebody who has no session here: the broker, an agent of another transport. */
  submit(said: Pick<Envelope, "from" | "to" | "content">): void {
    if (said.from === brokerTopic) {
      this.exchange.announce(said.to, { type: "inform", content: said.content });
      return;
    }
    this.ledger.messages.accepted += 1;
    const now = this.clock.now();
    const envelope: Envelope = {
      message_id: `id-${(this.#ids += 1)}`,
      timestamp: new Date(now).toISOString(),
      type: "inform",
      priority: "NORMAL",
      ...said,
    };
    this.exchange.submit(Message.of(envelope, { topic: said.to, receivedAt: now, trust: "proved", origin: undefined }));
  }

  /** Both equations of ARCHITECTURE, invariant 4, hold, and nothing failed inside. */
  expectSound(): void {
    const { messages, copies } = this.ledger;
    const settled = messages.routed + messages.stored + messages.refused + messages.unroutable + messages.malformed;
    assert.equal(messages.accepted, settled, "messages: accepted = routed + stored + refused + unroutable + malformed");
    const { full, closed, expired, unrenderable } = copies.dropped;
    const ended = copies.written + full + closed + expired + unrenderable + copies.pending;
    assert.equal(copies.copies, ended, "copies = written + dropped + pending");
    const errors = this.log.filter(({ level }) => level === "error");
    assert.deepEqual(errors, [], "nothing failed inside the dialect");
  }
}

/** What is known of the agents of a world, on a machine that has nothing to do. */
function telemetryOf(
  { exchange, directory, limits, mailboxes, clock, ledger, log }: ConformanceWorld,
  dataTopics: readonly string[],
): TelemetryMemory {
  return new TelemetryMemory({
    exchange,
    directory,
    limits,
    dataTopics,
    coordinations: new Coordinations({
      clock,
      ledger,
      limits,
      isHidden: (agent) => directory.contacts.isListedName(agent),
    }),
    machine: { processors: () => ({ busy: 0, all: 0 }), memory: () => 0 },
    mail: () => ({ depth: 0, isFailing: false }),
    mailDepth: (agent) => mailboxes.mailbox(agent)?.box.counts.waiting,
    loopDelay: () => 0,
    isDemo: () => false,
    failed: (thrown) => {
      log.push({ level: "error", event: "telemetry failed", fields: { cause: String(thrown) } });
    },
  });
}
