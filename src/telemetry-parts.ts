import type { BrokerConfig } from "./config/index.js";
import type { Clock, Ledger, Lifecycle, Log } from "./core/index.js";
import type { Services } from "./dialect/index.js";
import { webhookHostsOf } from "./dialect/options.js";
import { SignedWebhooks, type AuditEvent } from "./ops/index.js";
import type { DataDirectory } from "./storage/index.js";
import { telemetryNone } from "./telemetry/telemetry-none.js";

/** What it takes to watch agents and to tell others what became of commands. */
export interface TelemetryContext {
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly log: Log;
  readonly newId: () => string;
  readonly audited: (line: AuditEvent) => void;
}

/** What viewers are shown, and where the answers to their commands may go. */
export interface TelemetryParts {
  readonly services: Pick<Services, "telemetry" | "webhooks" | "audit">;
  /** What of it starts and stops. */
  readonly inOrder: readonly Lifecycle[];
}

/** Builds what the dialect for viewers works with. Nothing is opened yet. */
export function assembleTelemetry(
  { settings, limits }: Pick<BrokerConfig, "settings" | "limits">,
  data: Pick<DataDirectory, "file">,
  context: TelemetryContext,
): TelemetryParts {
  const hosts = webhookHostsOf(settings);
  const webhooks = new SignedWebhooks({ ...context, hosts, keyPath: data.file("webhook-key"), limits });
  return { services: { telemetry: telemetryNone, webhooks, audit: context.audited }, inOrder: [webhooks] };
}
