import type { BrokerConfig } from "./config/index.js";
import type { Clock, Exchange, Ledger, Lifecycle, Log } from "./core/index.js";
import type { Services } from "./dialect/index.js";
import { webhookHostsOf } from "./dialect/options.js";
import type { Directory } from "./directory/index.js";
import type { Mailboxes } from "./mailbox/index.js";
import { SignedWebhooks, type AuditEvent } from "./ops/index.js";
import type { DataDirectory } from "./storage/index.js";
import type { Coordinations } from "./telemetry/coordination/index.js";
import { thisMachine } from "./telemetry/machine.js";
import { TelemetryMemory } from "./telemetry/telemetry-memory.js";

/** What it takes to watch agents and to tell others what became of commands. */
export interface TelemetryContext {
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly log: Log;
  readonly newId: () => string;
  readonly audited: (line: AuditEvent) => void;
  readonly exchange: Exchange;
  readonly directory: Directory;
  readonly mailboxes: Mailboxes;
  readonly coordinations: Coordinations;
  /** How late the event loop is, seconds. */
  readonly loopDelay: () => { readonly p99: number };
  /** True for the agents of `broker start --demo`. */
  readonly isDemo: (agent: string) => boolean;
}

/** What viewers are shown, and where the answers to their commands may go. */
export interface TelemetryParts {
  readonly services: Pick<Services, "telemetry" | "webhooks" | "audit">;
  /** What agents say that they can do. */
  readonly capabilities: TelemetryMemory["capabilities"];
  /** What of it starts and stops. */
  readonly inOrder: readonly Lifecycle[];
}

/** Builds what the dialect for viewers works with. Nothing is opened yet. */
export function assembleTelemetry(
  { settings, limits, topics: dataTopics }: Pick<BrokerConfig, "settings" | "limits" | "topics">,
  data: Pick<DataDirectory, "file">,
  context: TelemetryContext,
): TelemetryParts {
  const { audited, log, loopDelay, mailboxes } = context;
  const hosts = webhookHostsOf(settings);
  const webhooks = new SignedWebhooks({ ...context, hosts, keyPath: data.file("webhook-key"), limits });
  const telemetry = new TelemetryMemory({
    ...context,
    limits,
    dataTopics,
    machine: thisMachine,
    mail: () => {
      const { waiting, leased, isFailing } = mailboxes.figures();
      return { depth: waiting + leased, isFailing };
    },
    mailDepth: (agent) => {
      const counts = mailboxes.mailbox(agent)?.box.counts;
      return counts && counts.waiting + counts.leased;
    },
    loopDelay: () => loopDelay().p99,
    failed: (thrown) => {
      log("error", "what is known of agents could not be told", { cause: String(thrown) });
    },
  });
  const watching: Lifecycle = {
    start() {
      telemetry.start();
      return Promise.resolve();
    },
    drain: () => Promise.resolve(),
    stop() {
      telemetry.close();
      return Promise.resolve();
    },
  };
  return {
    services: { telemetry, webhooks, audit: audited },
    capabilities: telemetry.capabilities,
    inOrder: [webhooks, watching],
  };
}
