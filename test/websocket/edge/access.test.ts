import { hostname } from "node:os";
import { describe, expect, it } from "vitest";
import { Access, type AccessRules } from "../../../src/websocket/edge/index.js";

function access(rules: Partial<AccessRules> = {}): Access {
  return new Access({ origins: [], hosts: [], trustedProxies: [], ...rules });
}

describe("which web pages may connect", () => {
  it.each<[string, string | undefined, string, Partial<AccessRules>, boolean]>([
    ["no browser", undefined, "evil.example", {}, true],
    ["a page of this machine", "http://localhost:3000", "127.0.0.1:8080", {}, true],
    ["a page of this machine, by IPv6", "http://[::1]:3000", "localhost:8080", {}, true],
    ["a page of this machine, to a door that others reach", "http://localhost:3000", "192.0.2.1:8080", {}, false],
    ["the broker's own page", "http://192.0.2.1:8080", "192.0.2.1:8080", {}, true],
    ["a page of elsewhere", "https://evil.example", "127.0.0.1:8080", {}, false],
    ["a page that is allowed", "https://good.example", "127.0.0.1:8080", { origins: ["https://good.example"] }, true],
    [
      "a page of another port",
      "https://good.example:444",
      "127.0.0.1:8080",
      { origins: ["https://good.example"] },
      false,
    ],
    ["a page of another scheme", "http://good.example", "127.0.0.1:8080", { origins: ["https://good.example"] }, false],
    ["a page like one of ours", "http://localhost.evil.example", "127.0.0.1:8080", {}, false],
    ["a page without an origin", "null", "127.0.0.1:8080", {}, false],
    ["a name that was made to point here", "http://evil.example", "evil.example", {}, false],
    ["a name of ours", "https://broker.example", "broker.example", { hosts: ["broker.example"] }, true],
    [
      "the clear-text twin of a name of ours",
      "http://broker.example",
      "broker.example",
      { hosts: ["broker.example"] },
      false,
    ],
    [
      "a name of ours with another port",
      "https://broker.example:444",
      "broker.example:444",
      { hosts: ["broker.example:443"] },
      false,
    ],
    [
      "an allowed page at a name that is not ours",
      "https://good.example",
      "evil.example",
      { origins: ["https://good.example"] },
      false,
    ],
    ["this machine's name", `http://${hostname()}:8080`, `${hostname()}:8080`, {}, true],
  ])("%s", (_what, origin, host, rules, may) => {
    const refusal = access(rules).refusal({
      headers: { host, ...(origin !== undefined && { origin }) },
      peer: "127.0.0.1",
      isTls: host === "broker.example",
    });
    if (may) expect(refusal).toBeUndefined();
    else expect(refusal).toMatch(/--host|--origin|without an origin/);
  });

  it("takes other rules while it runs", () => {
    const rules = access();
    const asking = { headers: { host: "127.0.0.1", origin: "https://a.example" }, peer: "127.0.0.1", isTls: false };
    expect(rules.refusal(asking)).toContain("--origin https://a.example");
    rules.set({ origins: ["https://a.example"], hosts: [], trustedProxies: [] });
    expect(rules.refusal(asking)).toBeUndefined();
  });
});

describe("who connects", () => {
  const trustedProxies = ["127.0.0.0/8", "10.0.0.1", "2001:db8::/32"];

  it.each<[string, string, Readonly<Record<string, string>>, string]>([
    ["itself", "192.0.2.1", { "x-forwarded-for": "198.51.100.1" }, "192.0.2.1"],
    ["who is behind a trusted proxy", "127.0.0.1", { "x-forwarded-for": "198.51.100.1" }, "198.51.100.1"],
    [
      "the last that is no proxy of ours: what was before may be made up",
      "127.0.0.1",
      { "x-forwarded-for": "1.1.1.1, 198.51.100.1, 10.0.0.1" },
      "198.51.100.1",
    ],
    ["the first if all are ours", "127.0.0.1", { "x-forwarded-for": "10.0.0.1" }, "10.0.0.1"],
    ["the proxy if it names nobody", "127.0.0.1", {}, "127.0.0.1"],
    [
      "not whom a header names that the proxy does not set",
      "10.0.0.1",
      { forwarded: "for=192.0.2.43", "x-forwarded-for": "198.51.100.1" },
      "198.51.100.1",
    ],
    ["not from this machine by a header", "127.0.0.1", { "x-forwarded-for": "127.0.0.1" }, "unknown"],
    ["with a port", "10.0.0.1", { "x-forwarded-for": "192.0.2.43:80" }, "192.0.2.43"],
    ["with brackets and a port", "10.0.0.1", { "x-forwarded-for": "[2001:db9::17]:4711" }, "2001:db9::17"],
    ["somebody unknown, by that word", "10.0.0.1", { "x-forwarded-for": "_hidden" }, "_hidden"],
    ["IPv4 in IPv6, unwrapped", "2001:db8::1", { "x-forwarded-for": "::ffff:192.0.2.9" }, "192.0.2.9"],
  ])("is %s", (_what, peer, headers, client) => {
    expect(access({ trustedProxies }).clientOf({ headers, peer, isTls: false })).toBe(client);
  });
});
