import type { BrokerConfig } from "./options.js";

/** Which pages, names and proxies a configuration lets in. */
export function accessRules({ origins, hosts, trustedProxies, behindProxy }: BrokerConfig): {
  readonly origins: readonly string[];
  readonly hosts: readonly string[];
  readonly trustedProxies: readonly string[];
} {
  return { origins, hosts, trustedProxies: trustedProxies ?? (behindProxy ? ["127.0.0.0/8", "::1"] : []) };
}
