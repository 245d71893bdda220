import { createHmac } from "node:crypto";
import {
  Fault,
  type Clock,
  type Ledger,
  type Lifecycle,
  type Limits,
  type Log,
  type Principal,
} from "../../core/index.js";
import { SecretFile } from "../../storage/secret-file.js";
import type { WebhookHost, Webhooks } from "../../telemetry/telemetry.js";
import { call, type Called } from "./call.js";
import { HostLookup, type Lookup } from "./host-lookup.js";

/** A line of the audit log about a webhook: never its path, which may be a secret, and nothing of what was sent. */
export interface WebhookEvent {
  readonly event: "webhook";
  readonly host: string;
  /** Its `X-Synaptic-Delivery`. */
  readonly delivery: string;
  /** Whose command it answers. */
  readonly by: string;
  readonly outcome: "delivered" | "refused" | "failed" | "full" | "left";
  readonly tries: number;
  readonly status?: number;
  readonly why?: string;
}

/** What the webhooks of a broker need. */
export interface WebhookOptions {
  /** Where something may be sent. */
  readonly hosts: readonly WebhookHost[];
  /** The file of the key that bodies are signed with; made at the start if there are hosts. */
  readonly keyPath: string;
  readonly limits: Pick<Limits, "webhooksMax" | "webhooksMaxBytes">;
  readonly clock: Clock;
  readonly ledger: Pick<Ledger, "count">;
  readonly log: Log;
  readonly newId: () => string;
  readonly audited: (event: WebhookEvent) => void;
  /** Finds addresses; the system does if nothing is said. */
  readonly lookup?: Lookup;
  /** Certificates (PEM) of the authorities that are trusted; absent: those of this machine. */
  readonly ca?: string;
}

/** Longest URL, characters. */
const urlMax = 2_048;
/** Calls under way at once, and of them to one host. */
const callsMax = 8;
const callsPerHostMax = 4;
/** How long after a failed call the same is tried again, milliseconds; after the last one it is given up. */
const pausesMs = [1_000, 5_000] as const;

/** An answer on its way. */
interface Delivery {
  readonly id: string;
  readonly url: URL;
  readonly host: WebhookHost;
  readonly body: Buffer;
  readonly by: string;
  tries: number;
}

/**
 * POSTs answers of commands to hosts of the configuration (Visualisation §5.4). Nobody waits for it: what cannot be
 * delivered is given up after three tries, or when the broker stops, and stands in the audit log.
 */
export class SignedWebhooks implements Webhooks, Lifecycle {
  readonly #options: WebhookOptions;
  readonly #key: SecretFile;
  readonly #lookup: HostLookup;
  // bound: the hosts of the configuration · evicts: nothing · owner: SignedWebhooks
  readonly #hosts = new Map<string, WebhookHost>();
  /** Deliveries that no call is made for now, in order. */
  readonly #waiting: Delivery[] = [];
  // bound: webhooksMax and webhooksMaxBytes; half of both for one host · evicts: nothing, one more is given up ·
  // owner: SignedWebhooks
  readonly #all = new Set<Delivery>();
  // bound: callsMax · evicts: with the call · owner: SignedWebhooks
  readonly #calls = new Map<Delivery, AbortController>();
  // bound: webhooksMax · evicts: with its time · owner: SignedWebhooks
  readonly #pauses = new Map<Delivery, () => void>();
  #phase: "new" | "open" | "stopped" = "new";

  constructor(options: WebhookOptions) {
    this.#options = options;
    this.#key = new SecretFile(options.keyPath);
    this.#lookup = new HostLookup(options.lookup);
    for (const host of options.hosts) this.#hosts.set(host.host, host);
  }

  /** @throws Fault unavailable: the key cannot be read or made, as a rejection */
  start(): Promise<void> {
    if (this.#phase === "new") {
      if (this.#hosts.size > 0) this.#key.load();
      this.#phase = "open";
    }
    return Promise.resolve();
  }

  drain(): Promise<void> {
    return Promise.resolve();
  }

  /** Gives up what has not been delivered. */
  stop(): Promise<void> {
    this.#phase = "stopped";
    for (const cancel of this.#pauses.values()) cancel();
    for (const delivery of [...this.#all]) this.#end(delivery, "left", { outcome: "again", why: "the broker stops" });
    for (const aborting of [...this.#calls.values()]) aborting.abort();
    this.#pauses.clear();
    this.#waiting.length = 0;
    return Promise.resolve();
  }

  refusal(text: string): Fault | undefined {
    const url = text.length <= urlMax && URL.canParse(text) ? new URL(text) : undefined;
    if (url?.protocol !== "https:") return refused("its url is not one that begins with https://");
    if (url.username !== "" || url.password !== "") return refused("its url holds a user or a password");
    if (this.#hosts.has(url.host)) return undefined;
    return refused(
      `${url.host} is no host that the configuration of the broker lists; ` +
        "add it to visualisation.webhookHosts there, or leave callback out",
    );
  }

  send(
    text: string,
    body: Readonly<Record<string, unknown>>,
    { displayName: by }: Pick<Principal, "agent" | "displayName">,
  ): void {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    const host = url && this.#hosts.get(url.host);
    if (url === undefined || host === undefined || this.refusal(text) !== undefined) return;
    url.hash = "";
    const bytes = Buffer.from(JSON.stringify(body));
    const delivery = { id: this.#options.newId(), url, host, body: bytes, by, tries: 0 };
    if (this.#phase !== "open") this.#end(delivery, "left", { outcome: "again", why: "the broker stops" });
    else if (this.#isFull(delivery)) this.#end(delivery, "full", { outcome: "again", why: "too many wait already" });
    else {
      this.#all.add(delivery);
      this.#waiting.push(delivery);
      this.#callNext();
    }
  }

  /** One host that does not answer must leave room for the others. */
  #isFull({ host, body }: Delivery): boolean {
    const { webhooksMax, webhooksMaxBytes } = this.#options.limits;
    const [all, own] = [
      { count: 1, bytes: body.length },
      { count: 1, bytes: body.length },
    ];
    for (const other of this.#all) {
      for (const sum of other.host === host ? [all, own] : [all]) {
        sum.count += 1;
        sum.bytes += other.body.length;
      }
    }
    const share = this.#hosts.size > 1 ? 2 : 1;
    return (
      all.count > webhooksMax ||
      all.bytes > webhooksMaxBytes ||
      own.count * share > webhooksMax ||
      own.bytes * share > webhooksMaxBytes
    );
  }

  #callNext(): void {
    while (this.#calls.size < callsMax) {
      const at = this.#waiting.findIndex(({ host }) => this.#callsTo(host) < callsPerHostMax);
      const [delivery] = at === -1 ? [] : this.#waiting.splice(at, 1);
      if (delivery === undefined) return;
      void this.#call(delivery);
    }
  }

  #callsTo(host: WebhookHost): number {
    let calls = 0;
    for (const other of this.#calls.keys()) if (other.host === host) calls += 1;
    return calls;
  }

  /** Never rejects. */
  async #call(delivery: Delivery): Promise<void> {
    const aborting = new AbortController();
    this.#calls.set(delivery, aborting);
    delivery.tries += 1;
    const called = await this.#try(delivery, aborting.signal);
    this.#calls.delete(delivery);
    if (this.#phase !== "open") return; // it has been given up
    const pauseMs = called.outcome === "again" ? pausesMs[delivery.tries - 1] : undefined;
    if (pauseMs === undefined) this.#end(delivery, called.outcome === "again" ? "failed" : called.outcome, called);
    else this.#pause(delivery, pauseMs);
    this.#callNext();
  }

  async #try({ id, url, host, body }: Delivery, signal: AbortSignal): Promise<Called> {
    const { clock, ca, log } = this.#options;
    try {
      const timestamp = String(Math.floor(clock.now() / 1_000));
      const headers = {
        "user-agent": "synaptic-core",
        "x-synaptic-delivery": id,
        "x-synaptic-timestamp": timestamp,
        "x-synaptic-signature": `sha256=${this.#sign(timestamp, body)}`,
      };
      return await call(url, { host, lookup: this.#lookup, body, headers, clock, signal, ca });
    } catch (thrown) {
      log("error", "a webhook could not be signed", { error: String(thrown) });
      return { outcome: "again", why: "the webhook-key cannot be read" };
    }
  }

  /** @throws Fault unavailable: there is no key */
  #sign(timestamp: string, body: Buffer): string {
    const key = this.#key.read();
    if (key === undefined) throw new Fault("unavailable", `${this.#key.path} is empty or was taken away`);
    return createHmac("sha256", key).update(`${timestamp}.`).update(body).digest("hex");
  }

  #pause(delivery: Delivery, ms: number): void {
    this.#options.ledger.count("webhook-again");
    const cancel = this.#options.clock.after(ms, () => {
      this.#pauses.delete(delivery);
      this.#waiting.push(delivery);
      this.#callNext();
    });
    this.#pauses.set(delivery, cancel);
  }

  #end(delivery: Delivery, outcome: WebhookEvent["outcome"], { status, why }: Called): void {
    this.#all.delete(delivery);
    const { ledger, audited } = this.#options;
    ledger.count(`webhook-${outcome === "refused" ? "failed" : outcome}`);
    const { id, host, by, tries } = delivery;
    const more = { ...(status !== undefined && { status }), ...(why !== undefined && { why }) };
    audited({ event: "webhook", host: host.host, delivery: id, by, outcome, tries, ...more });
  }
}

function refused(why: string): Fault {
  return new Fault("malformed", `the answer cannot be sent to this callback: ${why}`);
}
