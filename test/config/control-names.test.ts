import { describe, expect, it } from "vitest";
import { readConfig } from "../../src/config/index.js";

describe("a name of a session that commands", () => {
  it.each(["control-1", "Control-Room", "соntrоl-1"])("%s is nothing that the configuration can give", (name) => {
    for (const option of [
      { topics: [name] },
      { reserved: [name] },
      { mailboxes: [name] },
      { mailboxes: [{ agent: name }] },
      {
        identityProviders: [
          { issuer: "https://login.example", audience: "agents", jwks: "/keys.json", agents: { u1: [name] } },
        ],
      },
    ])
      expect(() => readConfig(option), JSON.stringify(option)).toThrow(/control-|looks like a name that is reserved/);
  });

  it("is told apart from those that only sound like it", () => {
    expect(readConfig({ topics: ["control", "my-control-1", "controls-1"] }).topics).toHaveLength(3);
  });
});
