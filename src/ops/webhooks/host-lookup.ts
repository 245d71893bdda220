import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { WebhookHost } from "../../telemetry/telemetry.js";
import { isPublicAddress } from "./public-address.js";

/** An address of a host. */
export interface HostAddress {
  readonly address: string;
  readonly family: number;
}

/** Finds all addresses of a host name. Rejects with the system's error. */
export type Lookup = (hostname: string) => Promise<readonly HostAddress[]>;

const bySystem: Lookup = (hostname) => lookup(hostname, { all: true, verbatim: true });

/**
 * Finds the address at which a webhook is called, once for each call: the connection is made to that address and to no
 * other, whatever the name means a moment later. One name is looked up at a time, since a lookup that hangs holds a
 * thread of those that write files.
 */
export class HostLookup {
  readonly #lookup: Lookup;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(lookup: Lookup = bySystem) {
    this.#lookup = lookup;
  }

  /**
   * The address to call.
   * @returns undefined where the host has none that may be called
   * @param hostname as in a URL, IPv6 in brackets
   * Rejects with the system's error.
   */
  async addressOf(hostname: string, { isPrivate }: WebhookHost): Promise<HostAddress | undefined> {
    const literal = hostname.replace(/^\[|\]$/g, "");
    const family = isIP(literal);
    const found = family === 0 ? await this.#inTurn(hostname) : [{ address: literal, family }];
    return found.find(({ address }) => isIP(address) !== 0 && (isPrivate || isPublicAddress(address)));
  }

  #inTurn(hostname: string): Promise<readonly HostAddress[]> {
    const found = this.#turn.then(() => this.#lookup(hostname));
    this.#turn = found.catch(() => undefined); // whoever asked hears it
    return found;
  }
}
