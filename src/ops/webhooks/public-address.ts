import { BlockList, isIPv4, isIPv6 } from "node:net";

/** IPv4 networks that are not of the internet (IANA IPv4 Special-Purpose Address Registry), multicast and reserved ones. */
const special4: readonly (readonly [string, number])[] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3],
];
/** IPv6 networks within 2000::/3 that are special; those that hold an IPv4 address could lead anywhere. */
const special6: readonly (readonly [string, number])[] = [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
];

const special = new BlockList();
for (const [net, bits] of special4) special.addSubnet(net, bits, "ipv4");
for (const [net, bits] of special6) special.addSubnet(net, bits, "ipv6");
/** All of IPv6 that has been given to the internet (RFC 4291 §2.4): mapped IPv4, NAT64, link and site are outside. */
const global6 = new BlockList();
global6.addSubnet("2000::", 3, "ipv6");

/** True for an address of the internet: not of this machine, of a private network, or of anything special. */
export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !special.check(address, "ipv4");
  return isIPv6(address) && !address.includes("%") && global6.check(address, "ipv6") && !special.check(address, "ipv6");
}
