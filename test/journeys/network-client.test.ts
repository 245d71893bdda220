import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Message } from "../../clients/typescript/agent-network/index.js";
import { eventually } from "../kit/broker.js";
import { PartyWorld } from "../kit/network-party.js";

describe("two clients of Agent Network", () => {
  let world: PartyWorld;
  beforeEach(async () => {
    world = await PartyWorld.start({ limits: { networkRatePerSecond: 1_000, networkRateBurst: 1_000 } });
  });
  afterEach(() => world.stop());

  const pair = async () => [await world.login("agent_alice"), await world.login("agent_bob")] as const;

  it("ask and answer each other, sealed", async () => {
    const [alice, bob] = await pair();
    bob.socket.handle("QUERY", ({ parameters }, message) =>
      bob.socket.respond(message, { data: { availableTimes: [parameters["startDate"]] } }),
    );
    const asked = { startDate: "2030-06-01T00:00:00Z", endDate: "2030-06-07T00:00:00Z" };
    expect(await alice.socket.query("agent_bob", "AVAILABILITY", asked)).toEqual({
      availableTimes: ["2030-06-01T00:00:00Z"],
    });
    expect(bob.heard.all).toMatchObject([{ messageType: "QUERY", sealed: true, verified: true }]);
    const types = new Set(alice.socket.messageLog().map(({ messageType }) => messageType));
    expect([...types].sort()).toEqual(["ACK", "CONNECTED", "ENCRYPTED", "HANDSHAKE"]);
    expect([alice.errors, bob.errors, alice.events.all, bob.events.all]).toEqual([[], [], [], []]);
  });

  it("say in an answer why there is no data", async () => {
    const [alice, bob] = await pair();
    bob.socket.handle("QUERY", (_, message) =>
      bob.socket.respond(message, {
        error: { code: "PERMISSION_DENIED", message: "ask my user", details: { by: "b" } },
      }),
    );
    await expect(alice.socket.query("agent_bob", "LOCATION_PREFERENCE", {})).rejects.toMatchObject({
      code: "PERMISSION_DENIED",
      message: "ask my user",
      details: { by: "b" },
    });
  });

  it("wait for answers inside of handlers without waiting for themselves", async () => {
    const [alice, bob] = await pair();
    bob.socket.handle("QUERY", async (_, message) => {
      const zone = await bob.socket.query("agent_alice", "CUSTOM", { text: "which zone?" });
      await bob.socket.respond(message, { data: { zone } });
    });
    alice.socket.handle("QUERY", (_, message) => alice.socket.respond(message, { data: "Europe/Oslo" }));
    expect(await alice.socket.query("agent_bob", "CUSTOM", { text: "when?" })).toEqual({ zone: "Europe/Oslo" });
  });

  it("come to an agreement by proposals, one of which is modified and one rejected", async () => {
    const [alice, bob] = await pair();
    const statuses: string[] = [];
    alice.socket.onProposal = ({ proposalId, status, from }) => statuses.push(`${from} ${proposalId} ${status}`);
    bob.socket.handle("PROPOSAL", ({ proposalId, details }, message) =>
      proposalId === "p1" && details.title !== "Tea"
        ? undefined
        : proposalId === "p1"
          ? bob.socket.confirm(message, { calendarEventId: "evt" })
          : bob.socket.reject(message, "OTHER", "no such place"),
    );
    const first = alice.socket.propose("agent_bob", { title: "Coffee" }, { proposalId: "p1" });
    await bob.heard.next(({ messageType }) => messageType === "PROPOSAL");
    const superseded = expect(first).rejects.toThrow(/made anew/);
    const second = await alice.socket.propose("agent_bob", { title: "Tea" }, { proposalId: "p1" });
    await superseded;
    expect(second).toMatchObject({ status: "ACCEPTED", calendarEventId: "evt" });
    expect(await alice.socket.propose("agent_bob", { title: "Lunch" }, { proposalId: "p2" })).toMatchObject({
      status: "REJECTED",
      reason: "OTHER",
      details: "no such place",
    });
    expect(statuses).toEqual(["us p1 PENDING", "us p1 MODIFIED", "us p1 ACCEPTED", "us p2 PENDING", "us p2 REJECTED"]);
    expect(bob.socket.proposals().map(({ status }) => status)).toEqual(["ACCEPTED", "REJECTED"]);
  });

  it("know of a proposal that nobody has answered in time that it is EXPIRED, on both sides", async () => {
    const [alice, bob] = await pair();
    const asked = alice.socket.propose("agent_bob", { title: "Now or never", expiresAt: Date.now() + 700 });
    const proposal = await bob.heard.next(({ messageType }) => messageType === "PROPOSAL");
    await expect(asked).rejects.toMatchObject({ code: "TIMEOUT_ERROR" });
    await eventually(() => bob.socket.proposals()[0]?.status === "EXPIRED", "Bob knows it");
    expect(alice.socket.proposals()).toMatchObject([{ status: "EXPIRED", from: "us" }]);
    await expect(bob.socket.confirm(proposal)).rejects.toThrow(/has expired; propose it anew/);
  });

  it("pass types that nobody knows to the application, and take no agent's word for the broker's", async () => {
    const [alice, bob] = await pair();
    await alice.socket.send("agent_bob", "WEATHER", { degrees: 24 });
    expect(await bob.heard.next()).toMatchObject({ messageType: "WEATHER", content: { degrees: 24 } });
    for (const type of ["ERROR", "HANDSHAKE", "RECEIPT"])
      await expect(alice.socket.send("agent_bob", type, {})).rejects.toThrow(/take another messageType/);
  });

  it("keep the order of what is said without waiting, whatever its priority", async () => {
    const [alice, bob] = await pair();
    const texts = Array.from({ length: 300 }, (_, n) => `text ${n}`);
    await Promise.all(
      texts.map((text, n) => alice.socket.inform("agent_bob", text, {}, { priority: n % 3 === 0 ? "HIGH" : "LOW" })),
    );
    await bob.hears("text 299");
    expect(bob.texts).toEqual(texts);
    await eventually(() => alice.socket.pendingMessages.size === 0, "all have their receipts");
    expect(alice.socket.metrics().messages).toMatchObject({ sent: 300, delivered: 300, failed: 0, waiting: 0 });
  });

  it("meet when both speak first", async () => {
    const [alice, bob] = await pair();
    for (const n of [1, 2, 3]) {
      const conversationId = `glare ${n}`;
      await Promise.all([
        alice.socket.inform("agent_bob", `a${n}`, {}, { conversationId }),
        bob.socket.inform("agent_alice", `b${n}`, {}, { conversationId }),
      ]);
      await Promise.all([bob.hears(`a${n}`), alice.hears(`b${n}`)]);
    }
    await eventually(() => alice.socket.pendingMessages.size + bob.socket.pendingMessages.size === 0, "all arrived");
    expect([alice.events.all, bob.events.all]).toEqual([[], []]);
  });

  it("keep for whoever is away what is said meanwhile, and say it in its order when it comes", async () => {
    const alice = await world.login("agent_alice");
    const states: string[] = [];
    alice.socket.onDelivery = ({ state }) => states.push(state);
    for (const n of [1, 2, 3]) await alice.socket.inform("agent_bob", `kept ${n}`);
    await eventually(() => states.includes("waiting"), "the broker has said that Bob is away");
    const bob = await world.login("agent_bob");
    await bob.hears("kept 3");
    expect(bob.texts).toEqual(["kept 1", "kept 2", "kept 3"]);
    await eventually(() => states.filter((state) => state === "delivered").length === 3, "all have their receipts");
  });

  it("see in their transcripts what was said and heard", async () => {
    const [alice, bob] = await pair();
    const told: string[] = [];
    bob.socket.onTranscript = ({ direction, messageType }) => told.push(`${direction} ${messageType}`);
    await alice.socket.inform("agent_bob", "for all eyes of my user");
    await bob.hears("for all eyes of my user");
    await bob.socket.inform("agent_alice", "mine, too");
    await alice.hears("mine, too");
    await eventually(async () => (await alice.socket.transcript()).length === 2, "it is kept");
    expect(await alice.socket.transcript({ peer: "agent_bob" })).toMatchObject([
      { direction: "RECEIVED", content: { text: "mine, too" }, sealed: true, verified: true },
      { direction: "SENT", content: { text: "for all eyes of my user" } },
    ]);
    expect(told).toEqual(["RECEIVED INFORM", "SENT INFORM"]);
    expect(JSON.stringify(alice.socket.messageLog())).not.toContain("eyes");
  });

  it("show fingerprints that people can compare", async () => {
    const [alice, bob] = await pair();
    await alice.socket.inform("agent_bob", "hello");
    await bob.hears("hello");
    expect(await alice.socket.fingerprintOf("agent_bob")).toBe(await bob.socket.fingerprint());
    expect(await bob.socket.fingerprintOf("agent_alice")).toBe(await alice.socket.fingerprint());
    expect(await alice.socket.fingerprintOf("agent_eve")).toBeUndefined();
    expect(alice.socket.knownAgents.get("agent_bob")).toEqual(bob.socket.keyPair?.publicKey);
  });

  it("go on in mid-conversation when keys are renewed", async () => {
    const [alice, bob] = await pair();
    const said: Promise<unknown>[] = [];
    for (let n = 0; n < 60; n += 1) {
      said.push(alice.socket.inform("agent_bob", `turn ${n}`));
      if (n % 20 === 10) await alice.socket.rotate();
      if (n % 20 === 15) await bob.socket.rotate();
    }
    await Promise.all(said);
    await bob.hears("turn 59");
    expect(bob.texts).toEqual(Array.from({ length: 60 }, (_, n) => `turn ${n}`));
    await eventually(() => alice.socket.pendingMessages.size === 0, "all arrived");
    expect([alice.events.all, bob.events.all]).toEqual([[], []]);
  });

  it("hear a message again whose handler has thrown, and process it once", async () => {
    const [alice, bob] = await pair();
    let heard = 0;
    bob.socket.messageHandlers.set("INFORM", () => {
      heard += 1;
      if (heard === 1) throw new Error("not now");
    });
    await alice.socket.inform("agent_bob", "please");
    await bob.hears("please");
    expect(heard).toBe(2);
    expect(bob.errors.map(({ message }) => message)).toEqual([expect.stringContaining("not now")]);
    await eventually(() => alice.socket.pendingMessages.size === 0, "it has its receipt");
    expect(bob.texts).toEqual(["please"]);
  });

  it("are held up by a handler that hangs in its own conversation only", async () => {
    const [alice, bob] = await pair();
    const stuck: Message[] = [];
    bob.socket.onMessage = (message) => {
      if (message.senderId === "system" || message.conversationId !== "stuck") bob.heard.add(message);
      else {
        stuck.push(message);
        return new Promise(() => undefined);
      }
      return undefined;
    };
    await alice.socket.inform("agent_bob", "first", {}, { conversationId: "stuck" });
    await alice.socket.inform("agent_bob", "second", {}, { conversationId: "stuck" });
    await alice.socket.inform("agent_bob", "elsewhere", {}, { conversationId: "free" });
    await bob.hears("elsewhere");
    expect(stuck.map(({ content }) => content["text"])).toEqual(["first"]);
    expect(alice.socket.pendingMessages.size).toBeGreaterThanOrEqual(2);
  });

  it("refuse what cannot be said before anything of it is kept, and name the remedy", async () => {
    const alice = await world.login("agent_alice");
    const say = (content: Record<string, unknown>, to = "agent_bob", more = {}): Promise<unknown> =>
      alice.socket.send(to, "INFORM", content, more);
    await expect(say({ text: "x".repeat(70_000) })).rejects.toThrow(/would have \d+ bytes.*65536 at most/);
    await expect(say({ text: 1 })).rejects.toThrow(/INFORM: content\.text/);
    await expect(say({ text: "x", n: NaN })).rejects.toThrow(/content: n is NaN/);
    await expect(say({ text: "x" }, "#lab")).rejects.toThrow(/plain: true/);
    await expect(say({ text: "x" }, "system")).rejects.toThrow(/ask\(kind, data\)/);
    await expect(say({ text: "x" }, "agent_alice")).rejects.toThrow(/itself/);
    await expect(say({ text: "x" }, "agent_bob", { prority: "HIGH" })).rejects.toThrow(/did you mean priority/);
    await expect(alice.socket.query("agent_bob", "AVAILABILITY", { startDate: "soon" } as never)).rejects.toThrow(
      /AVAILABILITY: parameters/,
    );
    expect(alice.socket.pendingMessages.size).toBe(0);
    expect(alice.socket.metrics().messages.sent).toBe(0);
  });

  it("fit a message of just the biggest size into a frame", async () => {
    const [alice, bob] = await pair();
    let size = 48_000;
    for (let step = 64; step >= 1; step = Math.floor(step / 2))
      for (;;) {
        try {
          await alice.socket.inform("agent_nobody", "x".repeat(size + step), {}, { expiresAt: Date.now() + 1 });
          size += step;
        } catch {
          break;
        }
      }
    await alice.socket.inform("agent_bob", "x".repeat(size));
    expect((await bob.heard.next()).content["text"]).toHaveLength(size);
    expect(alice.errors).toEqual([]);
  });
});
