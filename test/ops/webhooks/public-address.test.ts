import { describe, expect, it } from "vitest";
import { isPublicAddress } from "../../../src/ops/webhooks/public-address.js";

describe("an address", () => {
  it.each([
    "8.8.8.8",
    "1.1.1.1",
    "172.15.0.1",
    "172.32.0.1",
    "100.63.0.1",
    "100.128.0.1",
    "2606:4700::1111",
    "2a00::1",
  ])("is of the internet: %s", (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });
  it.each(
    (
      "0.0.0.0 10.1.2.3 100.64.0.1 127.0.0.1 127.255.255.255 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.8 " +
      "192.0.2.1 192.168.1.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 240.0.0.1 255.255.255.255 " +
      ":: ::1 ::ffff:8.8.8.8 ::ffff:127.0.0.1 ::8.8.8.8 64:ff9b::808:808 100::1 fc00::1 fd12::1 fe80::1 fe80::1%eth0 " +
      "fec0::1 ff02::1 2001::1 2001:db8::1 2002:7f00:1::1 3fff::1 2606:4700::1%eth0 4000::1 nonsense"
    ).split(" "),
  )("is not of the internet: %s", (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });
});
