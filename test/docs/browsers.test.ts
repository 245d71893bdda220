import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Access } from "../../src/websocket/edge/index.js";

const page = readFileSync(new URL("../../docs/browsers.md", import.meta.url), "utf8");
const example = readFileSync(new URL("../../examples/browser-bot.html", import.meta.url), "utf8");

describe("docs/browsers.md", () => {
  const rows = [...page.matchAll(/^\| `([^`]+)` \| `([^`]+:\d+)` \| (.*) \|$/gm)];

  it("has its table of origins", () => {
    expect(rows.length).toBeGreaterThan(6);
  });

  it.each(rows.map(([, origin = "", host = "", may = ""]) => [origin, host, may] as const))(
    "tells the truth of a page of %s at %s: %s",
    (origin, host, may) => {
      const refusal = (origins: readonly string[]): string | undefined => {
        const access = new Access({ origins, hosts: ["broker.lan"], trustedProxies: [] });
        const headers = { origin, host, "user-agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/150.0" };
        return access.refusal({ headers, peer: "127.0.0.1", isTls: host.endsWith("8443") });
      };
      const named = /--origin ([^`]+)/.exec(may)?.[1];
      if (named === undefined) expect(refusal([])).toBeUndefined();
      else {
        expect(refusal([])).toContain(`--origin ${named}`);
        expect(refusal([named])).toBeUndefined();
      }
    },
  );

  it("and the example give the same command", () => {
    const command = "python3 -m http.server 8000 --bind 127.0.0.1 --directory examples";
    for (const text of [page, example]) expect(text).toContain(command);
  });
});
