import { hostname } from "node:os";
import { describe, expect, it } from "vitest";
import { readConfig } from "../../../src/config/index.js";
import { Access, type AccessRules } from "../../../src/websocket/edge/index.js";

function access(rules: Partial<AccessRules> = {}): Access {
  return new Access({ origins: [], hosts: [], trustedProxies: [], ...rules });
}

const browser = { "user-agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0" };

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
      headers: { ...browser, host, ...(origin !== undefined && { origin }) },
      peer: "127.0.0.1",
      isTls: host === "broker.example",
    });
    if (may) expect(refusal).toBeUndefined();
    else expect(refusal).toMatch(/--host|--origin|without an origin/);
  });

  const asked = (headers: Readonly<Record<string, string>>, rules: Partial<AccessRules> = {}): string | undefined =>
    access(rules).refusal({ headers, peer: "192.0.2.9", isTls: false });

  it.each<[string, Readonly<Record<string, string>>, boolean]>([
    ["a library that names the host it dials", { origin: "http://broker:8080", host: "broker:8080" }, true],
    ["one that names it as a WebSocket", { origin: "ws://broker:8080", host: "broker:8080" }, true],
    ["one that leaves the usual port out, or not", { origin: "https://broker", host: "broker:443" }, true],
    ["Node's own, which sends a language", { origin: "http://broker", host: "broker", "accept-language": "*" }, true],
    ["a library of elsewhere", { origin: "http://other:8080", host: "broker:8080" }, false],
    [
      "a browser that was led here by a name (DNS rebinding)",
      { ...browser, origin: "http://a.example", host: "a.example" },
      false,
    ],
    [
      "a browser that hides what it is",
      { "accept-language": "en", origin: "http://a.example", host: "a.example" },
      false,
    ],
    ["a browser with a cookie", { cookie: "a=b", origin: "http://a.example", host: "a.example" }, false],
  ])("%s", (_what, headers, may) => {
    if (may) expect(asked(headers)).toBeUndefined();
    else expect(asked(headers)).toMatch(/--host|--origin/);
  });

  it.each([
    ["chrome-extension://abcdefghijklmnop", "chrome-extension://abcdefghijklmnop"],
    ["vscode-webview://0123-4567", "vscode-webview://"],
    ["moz-extension://0123-4567", "moz-extension://0123-4567"],
    ["tauri://localhost", "tauri://localhost"],
    ["app://obsidian.md", "app://obsidian.md"],
    ["https://good.example:444", "https://good.example:444"],
    ["null", "null"],
    ["file://", "null"],
  ])("a page of %s is refused with an option that lets it in: --origin %s", (origin, option) => {
    const headers = { ...browser, origin, host: "127.0.0.1:8080" };
    expect(asked(headers)).toContain(`--origin ${option}${option === "null" ? "," : ";"}`);
    expect(readConfig({ origins: [option] }).origins).toEqual([option]);
    expect(asked(headers, { origins: [option] })).toBeUndefined();
    expect(asked({ ...headers, origin: "evil://x" }, { origins: [option] })).toMatch(/--origin evil/);
  });

  it.each(["https://", "http://a b", "wss://a.example", "good.example", "https://a/b", "://", ""])(
    "takes no option that would let nobody in, or everybody: %j",
    (option) => {
      expect(() => readConfig({ origins: [option] })).toThrow(/must be written as/);
    },
  );

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
