import { beforeEach, describe, expect, it } from "vitest";
import type { Conversation } from "../../../src/conformance/conversation.js";
import { ConformanceWorld } from "../../../src/conformance/world.js";
import { principal, type Principal } from "../../../src/core/index.js";
import type { TokenEnd } from "../../../src/identity/index.js";
import { probe } from "../../kit/probe-dialect.js";

let next: Principal;
let world: ConformanceWorld;
let revoked: Set<string>;
beforeEach(() => {
  revoked = new Set();
  world = new ConformanceWorld([
    probe({
      admit: (session) => session.admit(next),
      raise: (session) => session.raise(next),
      say: (session) => void session.inform({ to: "all", content: { message: "hello" } }),
      join: (session) => void session.join("#tea", { create: true }),
    }),
  ]);
});

type Proof = Partial<Pick<Principal, "proof" | "tokenId" | "expiresAt" | "scopes" | "displayName">>;

const ada = (more: Proof): Principal => principal("ada", "proved", { proof: "token:ada", ...more });

/** One round of the watch over tokens. */
function round(): void {
  world.bridges.endTokens((id): TokenEnd | undefined => (revoked.has(id) ? "revoked" : undefined));
}

async function does(client: Conversation, what: string, as?: Principal): Promise<void> {
  if (as !== undefined) next = as;
  await client.says({ type: "do", what });
}

async function adaBy(proof: Proof): Promise<Conversation> {
  const client = world.connect("/probe");
  const login = world.identity.token.bind(world.identity);
  world.identity.token = (name, token, displayName) =>
    token === "own ada" ? ada(proof) : login(name, token, displayName);
  await client.says({ type: "login", name: "ada", token: "own ada" });
  client.all();
  return client;
}

const inSeconds = (seconds: number): number => world.clock.now() + seconds * 1_000;

describe("a session whose proof ends at a time", () => {
  it("ends then, told how to come back, in the dialect's words and with its code", async () => {
    const client = await adaBy({ tokenId: "t-1", expiresAt: inSeconds(60) });
    world.clock.advance(59_999);
    round();
    expect(client.closing).toBeUndefined();
    world.clock.advance(1);
    round();
    expect(await client.hears({ type: "refused" })).toMatchObject({
      code: "unauthenticated",
      message: expect.stringMatching(
        /^the token has expired, .* log in with a new one \(broker token makes it\)$/,
      ) as string,
    });
    expect(client.closing).toEqual({ code: 4000, reason: expect.stringMatching(/^the token has expired/) as string });
    world.expectSound();
  });

  it("ends though there is no record of its token here: another issuer's, which makes the next one", async () => {
    const client = await adaBy({ proof: "jwt:https://issuer.example#7", expiresAt: inSeconds(60) });
    world.clock.advance(60_000);
    round();
    expect(await client.hears({ type: "refused" })).toMatchObject({
      message: expect.stringMatching(/\(its issuer makes it\)$/) as string,
    });
  });

  it("ends in the first round after the process stood still", async () => {
    const client = await adaBy({ tokenId: "t-1", expiresAt: inSeconds(30 * 86_400) });
    world.clock.pause(30 * 86_400_000);
    round();
    expect(client.closing?.code).toBe(4000);
  });
});

describe("a session that shows a newer token", () => {
  it("outlives the first, by its expiry and by its revocation, and ends with the new one", async () => {
    const client = await adaBy({ tokenId: "t-1", expiresAt: inSeconds(60) });
    await does(client, "raise", ada({ tokenId: "t-2", expiresAt: inSeconds(120) }));
    world.clock.advance(60_000);
    revoked.add("t-1");
    round();
    expect(client.closing).toBeUndefined();
    revoked.add("t-2");
    round();
    expect(client.closing?.reason).toMatch(/taken back/);
  });

  it("ends when the newer one expires", async () => {
    const client = await adaBy({ tokenId: "t-1", expiresAt: inSeconds(60) });
    await does(client, "raise", ada({ tokenId: "t-2", expiresAt: inSeconds(120) }));
    world.clock.advance(120_000);
    round();
    expect(client.closing?.reason).toMatch(/expired/);
  });

  it("has the newer one's rights, and no end where that has none", async () => {
    const client = await adaBy({ tokenId: "t-1", expiresAt: inSeconds(60), scopes: new Set(["observe"]) });
    await does(client, "raise", ada({ tokenId: "t-2", scopes: new Set(["operate"]) }));
    const heard: (Principal | undefined)[] = [];
    world.exchange.follow((_said, { speaker }) => heard.push(speaker));
    await does(client, "say");
    expect(heard.map((speaker) => [speaker?.tokenId, ...(speaker?.scopes ?? [])])).toEqual([["t-2", "operate"]]);
    world.clock.advance(60_000);
    round();
    expect(client.closing).toBeUndefined();
  });

  it("is told to nobody: it stays in its rooms, and comes and goes for no one", async () => {
    const client = await adaBy({ tokenId: "t-1", expiresAt: inSeconds(60) });
    const bob = world.connect("/probe");
    await bob.says({ type: "login", name: "bob" });
    await does(client, "join");
    await does(bob, "join");
    for (const each of [bob, client]) each.all();
    const seen: string[] = [];
    world.exchange.follow((said) => seen.push(said.content.kind ?? said.content.message));
    await does(client, "raise", ada({ tokenId: "t-2", expiresAt: inSeconds(120) }));
    expect(world.directory.rooms(next).find(({ name }) => name === "#tea")?.members).toEqual(2);
    expect([bob.all(), client.all(), seen]).toEqual([[], [], []]);
    world.expectSound();
  });

  it("cannot become another owner's, another agent's, or less than it was", async () => {
    const client = await adaBy({ tokenId: "t-1", expiresAt: inSeconds(60) });
    for (const other of [
      principal("ada", "proved", { proof: "jwt:https://issuer.example#7", tokenId: "t-2", expiresAt: inSeconds(999) }),
      principal("bob", "proved", { proof: "token:bob", tokenId: "t-2" }),
      principal("ada", "shared", { tokenId: "t-2" }),
    ]) {
      await does(client, "raise", other);
      expect(await client.hears({ type: "refused" })).toMatchObject({ code: "conflict" });
    }
    world.clock.advance(60_000);
    round();
    expect(client.closing?.reason).toMatch(/expired/);
  });
});
