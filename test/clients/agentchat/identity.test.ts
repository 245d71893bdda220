// Against a fake server (client-fake-server.ts) that says only what each test has it say.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AgentChatClient, type AgentChatClientOptions } from "../../../clients/typescript/agentchat/client.js";
import {
  agentIdOf,
  generateIdentity,
  writeIdentity,
  type Identity,
} from "../../../clients/typescript/agentchat/identity-file.js";
import { readPublicKey, verifies } from "../../../bridges/agentchat/keys.js";
import { FakeServer, told, type Frame, type Peer } from "./fake-server.js";

const challenge = { type: "CHALLENGE", challenge_id: "c1", nonce: "n1", expires_at: 1 };

describe("an AgentChat client with an identity", () => {
  let fake: FakeServer;
  let folder: string;
  let identity: Identity;
  let me: string;
  let client: AgentChatClient;
  beforeEach(async () => {
    fake = await FakeServer.start();
    folder = await mkdtemp(join(tmpdir(), "agentchat-client-"));
    identity = generateIdentity("ada");
    me = agentIdOf(identity);
    await writeIdentity(join(folder, "identity.json"), identity);
    client = made();
  });
  afterEach(async () => {
    await client.disconnect();
    await fake.stop();
    await rm(folder, { recursive: true });
  });
  function made(options: Partial<AgentChatClientOptions> = {}): AgentChatClient {
    return new AgentChatClient({
      server: fake.url,
      name: "ada",
      identity: join(folder, "identity.json"),
      reconnect: false,
      ...options,
    });
  }
  function isSigned(text: string, { sig, signature = sig }: Frame): boolean {
    const key = readPublicKey(identity.pubkey);
    return key !== undefined && typeof signature === "string" && verifies(key, text, signature);
  }
  /** As a server of other makers: no challenge. */
  async function trusted(): Promise<Peer> {
    const connecting = client.connect();
    const peer = await fake.welcome(me);
    await peer.hears("PING");
    peer.says({ type: "PONG" });
    await connecting;
    return peer;
  }

  it("is welcome first and then proves its key, before connect is done", async () => {
    let isConnected = false;
    const connecting = client.connect().then(() => (isConnected = true));
    const verified = told(client, "verified");
    const peer = await fake.next();
    const pubkey = `-----BEGIN PUBLIC KEY-----\n${identity.pubkey}\n-----END PUBLIC KEY-----\n`;
    expect(await peer.hears("IDENTIFY")).toEqual({ type: "IDENTIFY", name: "ada", pubkey });
    peer.says({ type: "WELCOME", agent_id: me, server: "fake" }, challenge);
    const proof = await peer.hears("VERIFY_IDENTITY");
    expect(proof["challenge_id"]).toBe("c1");
    expect(isSigned(`AGENTCHAT_AUTH|n1|c1|${String(proof["timestamp"])}`, proof)).toBe(true);
    await peer.hears("PING");
    peer.says({ type: "PONG" });
    expect(isConnected).toBe(false);
    peer.says({ type: "VERIFY_SUCCESS", agent_id: me });
    expect(await verified).toMatchObject({ agent_id: me });
    expect(await connecting).toBe(true);
    expect(client.agentId).toBe(me);
  });

  it.each([
    ["as ours", [{ type: "WELCOME", server: "fake" }, { type: "VERIFY_SUCCESS" }]],
    ["as the original", [{ type: "WELCOME", server: "fake" }]],
  ])("proves its key before it is welcome, %s", async (_which, answers) => {
    const connecting = client.connect();
    const peer = await fake.next();
    await peer.hears("IDENTIFY");
    peer.says(challenge);
    await peer.hears("VERIFY_IDENTITY");
    peer.says(...answers.map((answer) => ({ ...answer, agent_id: me })));
    await peer.hears("PING");
    peer.says({ type: "ERROR", code: "RATE_LIMITED", message: "slow", ref: "PING" });
    await connecting;
    expect(client.agentId).toBe(me);
  });

  it.each([
    ["before it is welcome", false],
    ["after it", true],
  ])("rejects connect when the proof is refused %s", async (_when, first) => {
    const connecting = client.connect();
    const peer = await fake.next();
    await peer.hears("IDENTIFY");
    if (first) {
      peer.says({ type: "WELCOME", agent_id: me, server: "fake" });
      await peer.hears("PING");
      peer.says(challenge, { type: "PONG" });
    } else peer.says(challenge);
    await peer.hears("VERIFY_IDENTITY");
    peer.says({ type: "ERROR", code: "VERIFICATION_FAILED", message: "wrong", ref: "VERIFY_IDENTITY" });
    await expect(connecting).rejects.toMatchObject({ code: "VERIFICATION_FAILED", message: "wrong" });
  });

  it("says what is missing: no file, or a challenge and no identity", async () => {
    await expect(made({ identity: join(folder, "none.json") }).connect()).rejects.toMatchObject({
      code: "IDENTITY_MISSING",
    });
    const keyless = new AgentChatClient({ server: fake.url, name: "eve", reconnect: false });
    const connecting = keyless.connect();
    const peer = await fake.next();
    await peer.hears("IDENTIFY");
    peer.says(challenge);
    await expect(connecting).rejects.toThrow(/identity.json/);
    await expect(keyless.propose("@bob", { task: "dig" })).rejects.toMatchObject({ code: "SIGNATURE_REQUIRED" });
  });

  it("signs what it says with its own time", async () => {
    const peer = await trusted();
    await client.send("#general", "héllo");
    const frame = await peer.hears("MSG");
    expect(isSigned(JSON.stringify({ to: "#general", content: "héllo", ts: frame["ts"] }), frame)).toBe(true);
    await expect(client.send("#general", 7n as unknown as string)).rejects.toMatchObject({ code: "INVALID_MSG" });
  });

  it("proposes, and takes its own proposal for the answer, not another's", async () => {
    const peer = await trusted();
    const both = Promise.all([
      client.propose("bob", { task: "dig", amount: 5 }),
      client.propose("@bob", { task: "dig", amount: 7, currency: "EUR", paymentCode: "pc", terms: "a|b", expires: 60 }),
    ]);
    const [first, second] = [await peer.hears("PROPOSAL"), await peer.hears("PROPOSAL")];
    expect(second).toMatchObject({
      to: "@bob",
      task: "dig",
      amount: 7,
      currency: "EUR",
      payment_code: "pc",
      terms: "a|b",
      expires: 60,
    });
    expect(isSigned("@bob|dig|5|||", first)).toBe(true);
    expect(isSigned("@bob|dig|7|EUR|pc|60", second)).toBe(true);
    const told = (id: string, frame: Frame, from = me): object => ({
      ...frame,
      id,
      proposal_id: id,
      from,
      status: "pending",
    });
    peer.says(told("p0", { ...first, sig: "x" }, "@eve"), told("p2", second), told("p1", first));
    expect(await both).toMatchObject([
      { proposal_id: "p1", amount: 5, status: "pending" },
      { proposal_id: "p2", amount: 7 },
    ]);
  });

  it.each([
    ["ACCEPT", "payment_code", (id: string) => client.accept(id, "field")],
    ["REJECT", "reason", (id: string) => client.reject(id, "field")],
    ["COMPLETE", "proof", (id: string) => client.complete(id, "field")],
    ["DISPUTE", "reason", (id: string) => client.dispute(id, "field")],
  ] as const)("signs %s and waits for its own step of that proposal", async (type, field, step) => {
    const peer = await trusted();
    const results = Promise.allSettled([step("p1"), step("p2")]);
    const [first, second] = [await peer.hears(type), await peer.hears(type)];
    expect(first).toMatchObject({ type, proposal_id: "p1", [field]: "field" });
    expect(isSigned(`${type}|p1|field`, first)).toBe(true);
    // A partner may dispute or complete the same proposal at the same time; the original says no status.
    peer.says({ ...first, from: "@bob", to: me, sig: "other" }, { ...second, from: me, to: "@bob" });
    peer.says({ type: "ERROR", code: "PROPOSAL_EXPIRED", message: "late", ref: type });
    const status = { ACCEPT: "accepted", REJECT: "rejected", COMPLETE: "completed", DISPUTE: "disputed" }[type];
    expect(await results).toMatchObject([
      { reason: { code: "PROPOSAL_EXPIRED" } },
      { value: { proposal_id: "p2", from: me, status } },
    ]);
  });

  it("proves its key to whoever asks, but not more than four times at once", async () => {
    const peer = await trusted();
    peer.says(...Array.from({ length: 50 }, (_, n) => ({ ...challenge, challenge_id: `c${n}` })));
    for (let n = 0; n < 4; n += 1) await peer.hears("VERIFY_IDENTITY");
    const pinging = client.ping();
    await peer.hears("PING"); // and no fifth proof before it
    peer.says({ type: "PONG" });
    await pinging;
  });
});
