import type { ClientOptions } from "ws";
import type { BrokerOptions } from "../../src/index.js";
import { startBroker, type TestBroker } from "./broker.js";
import { networkUrl, NetworkWire } from "./network-wire.js";
import { issueToken } from "./tokens.js";

/** A broker, and clients of Agent Network with tokens of their own; all of it goes with `stop`. */
export class NetworkWorld {
  readonly at: TestBroker;
  readonly url: string;
  // bound: what one test opens · evicts: nothing, it goes with its world · owner: NetworkWorld
  readonly #open: { close(): void }[] = [];

  private constructor(at: TestBroker) {
    this.at = at;
    this.url = networkUrl(at.pan);
  }

  static async start(options: BrokerOptions = {}): Promise<NetworkWorld> {
    return new NetworkWorld(await startBroker(options));
  }

  /** A token of the agent's own. */
  token(agentId: string): Promise<string> {
    return issueToken(this.at.dataDir, agentId, "ws");
  }

  async stranger(options: ClientOptions = {}): Promise<NetworkWire> {
    return this.keep(await NetworkWire.open(this.url, options));
  }

  async login(agentId: string, options: ClientOptions = {}): Promise<NetworkWire> {
    return this.keep(await NetworkWire.login(this.url, agentId, await this.token(agentId), options));
  }

  /** Closes it at the end of the test. */
  keep<C extends { close(): void }>(client: C): C {
    this.#open.push(client);
    return client;
  }

  async stop(): Promise<void> {
    for (const client of this.#open.splice(0)) client.close();
    await this.at.stop();
  }
}
