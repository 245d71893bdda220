import type { IncomingHttpHeaders } from "node:http";
import { BlockList, isIP } from "node:net";
import { hostname } from "node:os";
import { isThisMachine } from "./crowd.js";
import { addressOf } from "./door.js";

/** Which web pages may connect, under which names this broker is asked for, and whom it believes about who connects. */
export interface AccessRules {
  /** `https://HOST[:PORT]` of pages that may connect, beside those of this machine and this broker's own. */
  readonly origins: readonly string[];
  /** `HOST` or `HOST:PORT` under which this broker may be asked for, beside addresses and this machine's names. */
  readonly hosts: readonly string[];
  /** Addresses and networks of proxies whose word on their clients counts. */
  readonly trustedProxies: readonly string[];
}

/** What an upgrade says of itself, and where it came in. */
export interface Asking {
  readonly headers: IncomingHttpHeaders;
  /** The socket's other end, as we write addresses. */
  readonly peer: string;
  /** The line is encrypted, up to here or up to a trusted proxy. */
  readonly isTls: boolean;
}

/** Rules that can be replaced while the broker runs. */
export class Access {
  // bound: what is configured · evicts: replaced at a reload · owner: Access
  #origins: ReadonlySet<string> = new Set();
  // bound: what is configured · evicts: replaced at a reload · owner: Access
  #hosts: ReadonlySet<string> = new Set();
  #proxies = new BlockList();

  constructor(rules: AccessRules) {
    this.set(rules);
  }

  set({ origins, hosts, trustedProxies }: AccessRules): void {
    const pages = new Set(origins.map((origin) => new URL(origin).origin));
    const proxies = new BlockList();
    for (const network of trustedProxies) {
      const [address = "", bits] = network.split("/");
      const family = isIP(address) === 6 ? "ipv6" : "ipv4";
      if (bits === undefined) proxies.addAddress(address, family);
      else proxies.addSubnet(address, Number(bits), family);
    }
    this.#origins = pages;
    this.#hosts = new Set(hosts.map((host) => host.toLowerCase()));
    this.#proxies = proxies;
  }

  /** True if the address is a proxy's whose word counts. */
  isProxy(address: string): boolean {
    const family = isIP(address);
    return family !== 0 && this.#proxies.check(address, family === 6 ? "ipv6" : "ipv4");
  }

  /**
   * Who connects: the socket's other end, or whom a trusted proxy names in `X-Forwarded-For`. No other header counts:
   * one that the proxy does not set would be
   * its client's own word. Nobody comes from this machine by a header.
   */
  clientOf({ headers, peer }: Asking): string {
    if (!this.isProxy(peer)) return peer;
    // Each proxy adds whom it was called by at the end: the last one that is no proxy of ours is the client.
    const named = listOf(headers["x-forwarded-for"]).map(addressIn);
    const client =
      [...named].reverse().find((address) => isIP(address) === 0 || !this.isProxy(address)) ?? named[0] ?? peer;
    return named.length > 0 && isThisMachine(client) ? "unknown" : client;
  }

  /**
   * Why a web page may not connect, or undefined if it may. Only browsers send an `Origin`, and they always do: a page
   * of elsewhere must not reach agents
   * through its visitor's browser, nor may a name that was made to point here (DNS rebinding) pass for this broker.
   */
  refusal({ headers, isTls }: Asking): string | undefined {
    const { origin, host = "" } = headers;
    if (origin === undefined) return undefined;
    if (!this.isOurs(host))
      return `This broker is not known as ${host}. If it should be, start it with --host ${host.replace(/:\d+$/, "")}.`;
    if (!URL.canParse(origin))
      return "Pages without an origin may not connect. Use a client outside the browser, or serve the page from this machine.";
    const page = new URL(origin);
    const isOwn = page.host === host.toLowerCase() && (page.protocol === "https:") === isTls;
    if (this.#origins.has(page.origin) || isOwn || (isLoopbackName(page.hostname) && isLoopbackName(hostnameOf(host))))
      return undefined;
    return `Pages of ${page.origin} may not connect. If they should, start the broker with --origin ${page.origin}; a client outside the browser needs no such word.`;
  }

  /** A name of this broker: an address, this machine, or one that was configured. */
  isOurs(host: string): boolean {
    const name = hostnameOf(host);
    return (
      isIP(name.replace(/^\[|\]$/g, "")) !== 0 ||
      isLoopbackName(name) ||
      name === hostname().toLowerCase() ||
      this.#hosts.has(host.toLowerCase()) ||
      this.#hosts.has(name)
    );
  }
}

/** The host of a `Host` header, without its port. */
function hostnameOf(host: string): string {
  return host.toLowerCase().replace(/:\d*$/, "");
}

function isLoopbackName(name: string): boolean {
  return name === "localhost" || name === "[::1]" || /^127(\.\d+){3}$/.test(name);
}

/** An address of a list, without brackets and port. */
function addressIn(part: string): string {
  return addressOf(part.replace(/^\[([^\]]+)\](?::\d+)?$/, "$1").replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, "$1"));
}

function listOf(header: string | readonly string[] | undefined): readonly string[] {
  const text = typeof header === "string" ? header : (header ?? []).join(",");
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}
