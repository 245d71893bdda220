import { X509Certificate } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { BlockList, isIP } from "node:net";
import { hostname } from "node:os";
import { isOriginOf, noOrigin, originOf, sendsOriginItself, wholeScheme } from "./origin.js";
import { addressOf, isThisMachine } from "./upgrade.js";

/** Which web pages may connect, the names of this broker, and the proxies that it believes about their clients. */
export interface AccessRules {
  /**
   * Pages that may connect, by origin: `https://HOST[:PORT]`, `chrome-extension://ID`, `SCHEME://` for all of a scheme
   * that is not the web's, `null` for pages without an origin. Pages of this machine and of this broker always may.
   */
  readonly origins: readonly string[];
  /** `HOST` or `HOST:PORT`: names of this broker, beside its addresses and the names of this machine. */
  readonly hosts: readonly string[];
  /** Addresses and networks of proxies that are believed about who their clients are. */
  readonly trustedProxies: readonly string[];
}

/** A request: what it says of itself, and where it came from. */
export interface Asking {
  readonly headers: IncomingHttpHeaders;
  /** The address of the socket's other end, as `addressOf` writes it. */
  readonly peer: string;
  /** The connection is encrypted, up to here or up to a trusted proxy. */
  readonly isTls: boolean;
}

/** Decides who may connect, by rules that can be replaced while the broker runs. */
export class Access {
  // bound: what is configured · evicts: replaced at a reload · owner: Access
  #origins: ReadonlySet<string> = new Set();
  // bound: what is configured · evicts: replaced at a reload · owner: Access
  #hosts: ReadonlySet<string> = new Set();
  #proxies = new BlockList();
  #certificate: X509Certificate | undefined;

  constructor(rules: AccessRules) {
    this.set(rules);
  }

  set({ origins, hosts, trustedProxies }: AccessRules): void {
    const pages = new Set(origins.flatMap((origin) => originOf(origin) ?? []));
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

  /** The certificate that the doors show, PEM: its names are names of this broker. */
  showCertificate(cert: Buffer): void {
    this.#certificate = new X509Certificate(cert);
  }

  /** True if the address is that of a trusted proxy. */
  isProxy(address: string): boolean {
    const family = isIP(address);
    return family !== 0 && this.#proxies.check(address, family === 6 ? "ipv6" : "ipv4");
  }

  /**
   * The address of the client: that of the socket's other end, or the one that a trusted proxy names in
   * `X-Forwarded-For`. No other header is read: a client could set it, where the proxy does not. A header never makes
   * somebody a client of this machine.
   */
  clientOf({ headers, peer }: Asking): string {
    if (!this.isProxy(peer)) return peer;
    // Each proxy adds the address of its caller at the end: the last address that is no trusted proxy is the client.
    const named = listOf(headers["x-forwarded-for"]).map(addressIn);
    const client =
      [...named].reverse().find((address) => isIP(address) === 0 || !this.isProxy(address)) ?? named[0] ?? peer;
    return named.length > 0 && isThisMachine(client) ? "unknown" : client;
  }

  /**
   * Why a web page may not connect, or undefined if it may. Browsers always send an `Origin`. A foreign page must not
   * reach agents through its visitor's browser, and a foreign name that points here (DNS rebinding) must not count as a
   * name of this broker. A client that is no browser, and says that it comes from where it connects to, may connect
   * under whatever name it dials.
   */
  refusal({ headers, isTls }: Asking): string | undefined {
    const { origin: said, host = "" } = headers;
    if (said === undefined) return undefined;
    const origin = originOf(said);
    const isOwn = origin !== undefined && isOriginOf(origin, host);
    if (isOwn && sendsOriginItself(headers)) return undefined;
    if (!this.isOurs(host))
      return `This broker is not known as ${host}. If it should be, start it with --host ${host.replace(/:\d+$/, "")}.`;
    if (origin === undefined) return "This origin is none that could be allowed. Use a client outside the browser.";
    if (
      this.#origins.has(origin) ||
      (isWeb(origin) ? this.#isWebOwn(origin, host, isOwn, isTls) : this.#hasScheme(origin))
    )
      return undefined;
    return originRefusal(origin);
  }

  #hasScheme(origin: string): boolean {
    return this.#origins.has(wholeScheme(origin));
  }

  /** A page of this broker, or of this machine where only this machine is asked. */
  #isWebOwn(origin: string, host: string, isOwn: boolean, isTls: boolean): boolean {
    const page = new URL(origin);
    return (
      (isOwn && (page.protocol === "https:") === isTls) ||
      (isLoopbackName(page.hostname) && isLoopbackName(hostnameOf(host)))
    );
  }

  #isCertified(name: string): boolean {
    return /^[a-z0-9.-]+$/.test(name) && this.#certificate?.checkHost(name) !== undefined;
  }

  /**
   * True for a name of this broker: an address, a name of this machine, of the certificate, or one that was configured.
   */
  isOurs(host: string): boolean {
    const name = hostnameOf(host);
    return (
      isIP(name.replace(/^\[|\]$/g, "")) !== 0 ||
      isLoopbackName(name) ||
      name === hostname().toLowerCase() ||
      this.#isCertified(name) ||
      this.#hosts.has(host.toLowerCase()) ||
      this.#hosts.has(name)
    );
  }
}

function isWeb(origin: string): boolean {
  return /^https?:/.test(origin);
}

/** The refusal of a page, with the option that would let it in. */
function originRefusal(origin: string): string {
  if (origin === noOrigin)
    return (
      "Pages without an origin (files, sandboxed frames) may not connect. If they should, start the broker with " +
      "--origin null, which lets in every page that hides its origin; better serve the page from this machine."
    );
  const option = origin.startsWith("vscode-webview:") ? wholeScheme(origin) : origin;
  return (
    `Pages of ${origin} may not connect. If they should, start the broker with --origin ${option}; ` +
    "a client outside the browser needs no such option."
  );
}

/** The host of a `Host` header, without its port. */
function hostnameOf(host: string): string {
  return host.toLowerCase().replace(/:\d*$/, "");
}

/**
 * True for a `Host` that only this machine understands as itself. Who comes through a tunnel or a proxy asks for another
 * one, unless that writes a `Host` of its own.
 */
export function namesThisMachine(host: string): boolean {
  return isLoopbackName(hostnameOf(host));
}

function isLoopbackName(name: string): boolean {
  return name === "localhost" || name === "[::1]" || /^127(\.\d+){3}$/.test(name);
}

/** One address of the list in `X-Forwarded-For`, without brackets and port. */
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
