import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { BrokerOptions } from "../../src/index.js";
import { startBroker, type TestBroker } from "../kit/broker.js";
import { operator, type Asker } from "../kit/contact-parties.js";
import { issuerKey } from "../kit/outside-tokens.js";
import { PanWire } from "../kit/pan-wire.js";

const issuer = "https://login.example";
const key = issuerKey("EdDSA", "one");

describe("a user of another issuer that is forgotten (protocols §1.21)", () => {
  let folder: string;
  let at: TestBroker;
  let boss: Asker;
  const options = (): BrokerOptions => ({
    dataDir: join(folder, "data"),
    "agent-network": { contacts: "listed" },
    identityProviders: [{ issuer, audience: "agents", jwks: join(folder, "keys.json") }],
  });
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "synaptic-forget-"));
    writeFileSync(join(folder, "keys.json"), JSON.stringify({ keys: [key.jwk] }));
    at = await startBroker(options());
    boss = await operator(at);
  });
  afterEach(async () => {
    await boss.close();
    await at.stop();
    rmSync(folder, { recursive: true });
  });

  /** A session of a user; resolves with the first thing that it is told. */
  const enter = async (
    sub: string,
    agentId: string,
  ): Promise<{
    readonly wire: PanWire;
    readonly told: unknown;
    readonly content: Readonly<Record<string, unknown>>;
  }> => {
    const wire = await PanWire.open(at.pan.replace("/pan", "/agent-network/v1/connect"));
    const token = await key.sign({ iss: issuer, aud: "agents", sub, exp: Math.floor(Date.now() / 1_000) + 600 });
    wire.say({ type: "AUTH", agentId, token });
    const { messageType, content } = await wire.hears(() => true);
    return { wire, told: messageType, content: content as Readonly<Record<string, unknown>> };
  };

  it("leaves every name to whoever comes next, and nothing of it is there after a restart", async () => {
    const user = `${issuer}#u1`;
    const [one, two] = [await enter("u1", "ada"), await enter("u1", "ida")];
    const other = await enter("u2", "bob");
    expect([one.told, two.told, other.told]).toEqual(["CONNECTED", "CONNECTED", "CONNECTED"]);
    await boss.ask("contacts.add", { agent: "ada", other: "bob" });
    two.wire.close();
    await two.wire.closed;
    const taken = await enter("u2", "ida");
    expect([taken.told, taken.content["errorCode"]]).toEqual(["ERROR", "AUTHENTICATION_FAILED"]);
    const { data } = await boss.ask("network.forget", { user });
    expect(data).toEqual({
      agents: ["ada", "ida"],
      sessions: 1,
      bindings: ["ada", "ida"],
      proved: ["ada", "ida"],
      contacts: 1,
      remembered: ["ada", "ida"],
      mailboxes: [],
    });
    expect((await one.wire.hears(({ messageType }) => messageType === "ERROR"))["content"]).toMatchObject({
      errorCode: "AUTHENTICATION_FAILED",
      recoverable: false,
    });
    expect(await one.wire.closed).toMatchObject({ code: 4401 });
    await boss.close();
    await at.broker.stop();
    at = await startBroker(options());
    boss = await operator(at);
    expect((await boss.ask("network.forget", { user })).message).toContain(`nothing is kept of ${user}`);
    expect((await boss.ask("contacts.list", {})).data).toMatchObject({ contacts: [] });
    const next = await enter("u2", "ida");
    expect(next.told).toBe("CONNECTED");
    expect((await boss.ask("network.forget", { user: `${issuer}#u2` })).data).toMatchObject({
      agents: ["bob", "ida"],
      sessions: 1,
    });
  });

  it("by one name loses that name alone", async () => {
    const [one, two] = [await enter("u1", "ada"), await enter("u1", "ida")];
    expect((await boss.ask("network.forget", { user: "ada" })).data).toMatchObject({
      agents: ["ada"],
      sessions: 1,
      bindings: ["ada"],
    });
    await one.wire.closed;
    expect((await enter("u2", "ada")).told).toBe("CONNECTED");
    expect((await enter("u2", "ida")).told).toBe("ERROR");
    expect(two.wire.socket.readyState).toBe(two.wire.socket.OPEN);
  });
});
