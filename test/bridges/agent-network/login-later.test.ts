import { describe, expect, it } from "vitest";
import { agentNetwork } from "../../../bridges/agent-network/index.js";
import { ConformanceWorld } from "../../../src/conformance/world.js";
import type { Conversation } from "../../../src/conformance/conversation.js";
import { Fault, principal } from "../../../src/core/index.js";
import type { Credential } from "../../../src/dialect/index.js";
import { networkMessage } from "../../kit/network-wire.js";

const [path = ""] = agentNetwork.paths;

async function login(world: ConformanceWorld, agentId: string, remote = "127.0.0.1"): Promise<Conversation> {
  const client = world.connect(path, { remote });
  await client.says({ type: "AUTH", token: `own ${agentId}`, agentId });
  return client;
}

/** A token that is good for one agent, until then. */
const until = (agent: string, expiresAt?: number): Credential => ({
  only: agent,
  owner: `jwt:issuer#${agent}`,
  speakFor: (wanted) =>
    Promise.resolve(
      principal(wanted, "proved", { proof: `jwt:issuer#${agent}`, ...(expiresAt !== undefined && { expiresAt }) }),
    ),
  viewer: () => Promise.resolve(principal(agent, "proved", { proof: `jwt:issuer#${agent}` })),
});

const errorOf = async (client: Conversation): Promise<unknown> =>
  (await client.hears({ messageType: "ERROR" }))["content"];

describe("a login that cannot be decided", () => {
  it("because the issuer's keys cannot be had: SERVER_ERROR, recoverable, then 1013; sessions live on", async () => {
    const world = new ConformanceWorld([agentNetwork]);
    const alice = await login(world, "alice");
    world.identity.bearer = () =>
      Promise.reject(
        new Fault("unavailable", "the issuer's keys cannot be had now; try again", { retryAfterMs: 2_000 }),
      );
    for (const client of [await login(world, "bob"), world.connect(path, { bearer: "a token" })]) {
      await client.settles();
      expect(await errorOf(client)).toMatchObject({ errorCode: "SERVER_ERROR", recoverable: true, retryAfter: 2_000 });
      expect(client.closing?.code).toBe(1013);
    }
    await alice.says({ type: "AUTH", token: "newer", agentId: "alice" });
    expect(await errorOf(alice)).toMatchObject({ errorCode: "SERVER_ERROR", recoverable: true });
    await alice.says(networkMessage("alice", "alice"));
    await alice.hears({ messageType: "ACK" });
    expect(alice.closing).toBeUndefined();
  });

  it("because the issuer never answers: SERVER_ERROR, then 1013, and what was said meanwhile is not heard", async () => {
    const world = new ConformanceWorld([agentNetwork]);
    const bob = await login(world, "bob");
    world.identity.bearer = () => new Promise(() => undefined);
    const alice = await login(world, "alice");
    await alice.says(networkMessage("alice", "bob"));
    world.clock.advance(2 * world.limits.wsLoginMs + 1);
    await alice.settles();
    expect(await errorOf(alice)).toMatchObject({ errorCode: "SERVER_ERROR", recoverable: true });
    expect(alice.closing?.code).toBe(1013);
    bob.all();
    await bob.hearsNothing();
  });

  it("because too many have failed from its address: RATE_LIMIT_EXCEEDED, then 4429", async () => {
    const world = new ConformanceWorld([agentNetwork], { limits: { loginFailuresPerMinute: 3 } });
    const remote = "192.0.2.7";
    for (let n = 0; n < 3; n += 1) {
      const client = world.connect(path, { remote });
      await client.says({ type: "AUTH", token: "wrong", agentId: "alice" });
      expect(client.closing?.code).toBe(4401);
    }
    const barred = world.connect(path, { remote });
    await barred.settles();
    expect(await errorOf(barred)).toMatchObject({ errorCode: "RATE_LIMIT_EXCEEDED", recoverable: true });
    expect(barred.closing?.code).toBe(4429);
    expect((await login(world, "alice", "192.0.2.8")).closing).toBeUndefined();
  });
});

describe("a token that ends in mid-flow", () => {
  it("is AUTHENTICATION_FAILED, then 4401, unless it was renewed", async () => {
    const world = new ConformanceWorld([agentNetwork]);
    const end = world.clock.now() + 60_000;
    world.identity.bearer = (token) => Promise.resolve(until(token, end));
    const clients = [];
    for (const name of ["alice", "bob"]) {
      const client = world.connect(path, { bearer: name });
      await client.hears({ messageType: "CONNECTED" });
      clients.push(client);
    }
    const [alice, bob] = clients;
    world.identity.bearer = (token) => Promise.resolve(until(token, end + 60_000));
    await bob?.says({ type: "AUTH", token: "bob", agentId: "bob" });
    await bob?.hears({ messageType: "CONNECTED" });
    world.clock.advance(60_001);
    world.bridges.endTokens(() => undefined);
    await alice?.settles();
    expect(alice && (await errorOf(alice))).toMatchObject({ errorCode: "AUTHENTICATION_FAILED", recoverable: false });
    expect([alice?.closing?.code, bob?.closing?.code]).toEqual([4401, undefined]);
    world.clock.advance(60_000);
    world.bridges.endTokens(() => undefined);
    await bob?.settles();
    expect(bob?.closing?.code).toBe(4401);
  });
});
