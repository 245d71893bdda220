/** True for a numeric address that only this machine can reach (RFC 1122 §3.2.1.3, RFC 4291 §2.5.3). */
export function isLoopbackAddress(address: string): boolean {
  return address === "::1" || /^127(\.\d{1,3}){3}$/.test(address);
}

/**
 * The network that stands for one customer: an IPv4 address itself, the first 64 bits of an IPv6 address (RFC 6177 §2).
 * IPv4 written as IPv6 is treated as IPv4. A loopback address, and text that is not an address, is returned unchanged.
 */
export function networkOf(address: string): string {
  if (!address.includes(":") || isLoopbackAddress(address)) return address;
  const groups = groupsOf(address.toLowerCase().replace(/%.*$/, ""));
  const isMapped = groups.slice(0, 5).every((group) => group === "0") && groups[5] === "ffff";
  return isMapped ? ipv4Of(groups.slice(6)) : groups.slice(0, 4).join(":");
}

/** The eight groups of an IPv6 address without leading zeros; seven, if the last is IPv4 in dots. */
function groupsOf(address: string): readonly string[] {
  const [head = "", tail] = address.split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const length = address.includes(".") ? 7 : 8;
  const between = new Array<string>(tail === undefined ? 0 : Math.max(0, length - before.length - after.length)).fill(
    "0",
  );
  return [...before, ...between, ...after].map((group) => group.replace(/^0+(?=.)/, ""));
}

function ipv4Of(groups: readonly string[]): string {
  const [high = "0", low = "0"] = groups;
  if (high.includes(".")) return high;
  return [high, low].flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255]).join(".");
}
