import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { FakeClock } from "../../../src/conformance/fake-clock.js";
import { Ledger, type Limits } from "../../../src/core/index.js";
import type { Lookup } from "../../../src/ops/webhooks/host-lookup.js";
import { SignedWebhooks, type WebhookEvent } from "../../../src/ops/webhooks/webhooks.js";
import type { WebhookHost } from "../../../src/telemetry/telemetry.js";
import { IssuerServer, type Answer } from "../../kit/issuer-server.js";
import { folder } from "../kit.js";

/** A request as the host has heard it. */
export interface Posted {
  readonly path: string | undefined;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** Who commanded. */
export const by = { agent: "control-1", displayName: "olga" };

/** Webhooks with a host on this machine, whose answers can be changed at any time. */
export class WebhookWorld {
  readonly clock = new FakeClock();
  readonly ledger = new Ledger();
  readonly audited: WebhookEvent[] = [];
  readonly posted: Posted[] = [];
  readonly hooks: SignedWebhooks;
  readonly server: IssuerServer;
  readonly keyPath: string;
  readonly #home: Awaited<ReturnType<typeof folder>>;

  private constructor(
    home: Awaited<ReturnType<typeof folder>>,
    server: IssuerServer,
    { hosts, lookup, limits }: WorldOptions,
  ) {
    this.#home = home;
    this.server = server;
    this.keyPath = home.file("webhook-key");
    let ids = 0;
    this.hooks = new SignedWebhooks({
      hosts: hosts?.(server) ?? [{ host: new URL(server.url).host, isPrivate: true }],
      keyPath: this.keyPath,
      limits: { webhooksMax: 10, webhooksMaxBytes: 10_000, ...limits },
      clock: this.clock,
      ledger: this.ledger,
      log: () => undefined,
      newId: () => `d-${String((ids += 1))}`,
      audited: (event) => this.audited.push(event),
      ca: readFileSync(server.ca, "utf8"),
      ...(lookup !== undefined && { lookup }),
    });
  }

  static async start(options: WorldOptions = {}): Promise<WebhookWorld> {
    const home = await folder();
    const server = await IssuerServer.start(home.path, (_request, response) => response.writeHead(204).end());
    const world = new WebhookWorld(home, server, options);
    await world.hooks.start();
    return world;
  }

  /** The host answers so, and what it hears is remembered. */
  answers(answer: Answer): void {
    this.server.answer = (request, response) => {
      let body = "";
      request.setEncoding("utf8");
      request.on("data", (text: string) => (body += text));
      request.on("end", () => {
        this.posted.push({ path: request.url, headers: request.headers, body });
        answer(request, response);
      });
    };
  }

  /** What a host that has the key computes for itself. */
  signatureOf({ headers, body }: Posted): string {
    const key = readFileSync(this.keyPath, "utf8").trim();
    const timestamp = String(headers["x-synaptic-timestamp"]);
    return `sha256=${createHmac("sha256", key).update(`${timestamp}.${body}`).digest("hex")}`;
  }

  /** Reasons of the ledger. */
  get counted(): Readonly<Record<string, number>> {
    return { ...this.ledger.reasons };
  }

  async end(): Promise<void> {
    await this.hooks.stop();
    await this.server.stop();
    await this.#home.remove();
  }
}

interface WorldOptions {
  readonly hosts?: (server: IssuerServer) => readonly WebhookHost[];
  readonly lookup?: Lookup;
  readonly limits?: Partial<Pick<Limits, "webhooksMax" | "webhooksMaxBytes">>;
}
