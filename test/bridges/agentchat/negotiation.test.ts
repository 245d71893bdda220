import { createHash } from "node:crypto";
import { beforeEach, describe, expect, it } from "vitest";
import { keyFor, type TestKey } from "../../kit/agentchat-keys.js";
import { AgentChatWorld, type Chatter } from "../../kit/agentchat-world.js";
import type { Heard } from "../../../src/conformance/conversation.js";

type Fields = Readonly<Record<string, string | number>>;

/** A PROPOSAL, signed as the protocol says. */
function proposal(key: TestKey, fields: Fields): Fields {
  const part = (name: string): string => String(fields[name] ?? "");
  return {
    type: "PROPOSAL",
    ...fields,
    sig: key.signs(["to", "task", "amount", "currency", "payment_code", "expires"].map(part).join("|")),
  };
}

/** The id of a proposal: `sig|at` of it, hashed. */
const idOf = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 32);

/** A later step, signed as the protocol says. */
function step(key: TestKey, type: string, id: string, fields: Fields = {}): Fields {
  const covered = fields["payment_code"] ?? fields["reason"] ?? fields["proof"] ?? "";
  return { type, proposal_id: id, ...fields, sig: key.signs(`${type}|${id}|${String(covered)}`) };
}

describe("AgentChat: negotiation", () => {
  let world: AgentChatWorld;
  let ada: Chatter;
  let bob: Chatter;
  let eve: Chatter;
  const [adaKey, bobKey, eveKey] = [keyFor("ada"), keyFor("bob"), keyFor("eve")];

  beforeEach(async () => {
    world = new AgentChatWorld();
    [ada, bob, eve] = [await world.proved("ada"), await world.proved("bob"), await world.proved("eve")];
  });

  /** Ada proposes to Bob; both have heard so. */
  async function offered(fields: Fields = {}): Promise<string> {
    await ada.client.says(proposal(adaKey, { to: bob.id, task: "write tests", ...fields }));
    const { proposal_id: id } = await ada.client.hears({ type: "PROPOSAL", status: "pending" });
    await bob.client.hears({ type: "PROPOSAL", id });
    return String(id);
  }

  async function accepted(): Promise<string> {
    const id = await offered();
    await bob.client.says(step(bobKey, "ACCEPT", id));
    for (const { client } of [ada, bob]) await client.hears({ type: "ACCEPT", proposal_id: id });
    return id;
  }

  async function refused(who: Chatter, what: Heard, code: string): Promise<Heard> {
    await who.client.says(what);
    const error = await who.client.hears({ type: "ERROR", code, ref: what["type"] });
    for (const { client } of [ada, bob, eve]) await client.hearsNothing();
    return error;
  }

  it("tells the partner of a step whose speaker went while it was being kept", async () => {
    const id = await offered();
    const said = bob.client.says(step(bobKey, "ACCEPT", id));
    const gone = bob.client.vanishes();
    await Promise.all([said, gone]);
    expect(await ada.client.hears({ type: "ACCEPT", proposal_id: id })).toMatchObject({
      status: "accepted",
      from: bob.id,
    });
    world.expectSound();
  });

  it("tells both parties the same proposal, with all it says", async () => {
    const said = proposal(adaKey, {
      to: bob.id,
      task: "ü",
      amount: 0.5,
      currency: "SOL",
      payment_code: "code",
      terms: "a|b",
      expires: 60,
    });
    await ada.client.says(said);
    const heard = await ada.client.hears({ type: "PROPOSAL" });
    expect(heard).toEqual({
      ...said,
      // What names this proposal binds its terms, and when they were said.
      id: idOf(`${String(said["sig"])}|${world.clock.now()}`),
      proposal_id: heard["id"],
      at: world.clock.now(),
      expires: world.clock.now() + 60_000,
      expires_in: 60,
      from: ada.id,
      pubkey: adaKey.spki,
      status: "pending",
      ts: world.clock.now(),
    });
    expect(await bob.client.hears({ type: "PROPOSAL" })).toEqual(heard);
    for (const { client } of [ada, bob, eve]) await client.hearsNothing();
    world.expectSound();
  });

  it.each([
    ["REJECT", { reason: "no time" }, "rejected"],
    ["ACCEPT", { payment_code: "a|b" }, "accepted"],
  ] as const)("%s by the proposee tells both", async (type, fields, status) => {
    const id = await offered();
    await bob.client.says(step(bobKey, type, id, fields));
    const heard = await bob.client.hears({ type });
    expect(heard).toEqual({
      ...step(bobKey, type, id, fields),
      from: bob.id,
      to: ada.id,
      pubkey: bobKey.spki,
      status,
      ts: world.clock.now(),
    });
    expect(await ada.client.hears({ type })).toEqual(heard);
  });

  it.each([
    ["COMPLETE", "ada", { proof: "commit 1|2" }, "completed"],
    ["COMPLETE", "bob", {}, "completed"],
    ["DISPUTE", "ada", { reason: "nothing came" }, "disputed"],
    ["DISPUTE", "bob", { reason: "not paid" }, "disputed"],
  ] as const)("%s by %s, once accepted, tells both and ends it", async (type, by, fields, status) => {
    const id = await accepted();
    const [who, other, key] = by === "ada" ? [ada, bob, adaKey] : [bob, ada, bobKey];
    await who.client.says(step(key, type, id, fields));
    const heard = await who.client.hears({ type });
    expect(heard).toEqual({
      ...step(key, type, id, fields),
      from: who.id,
      to: other.id,
      pubkey: key.spki,
      ...(type === "COMPLETE"
        ? { completed_by: who.id, completed_at: world.clock.now() }
        : { disputed_by: who.id, disputed_at: world.clock.now() }),
      status,
      ts: world.clock.now(),
    });
    expect(await other.client.hears({ type })).toEqual(heard);
    await refused(
      other,
      step(keyFor(by === "ada" ? "bob" : "ada"), "DISPUTE", id, { reason: "late" }),
      "INVALID_PROPOSAL",
    );
  });

  it("refuses a step of a third party, and a decision by whoever proposed", async () => {
    const id = await offered();
    for (const type of ["ACCEPT", "REJECT", "COMPLETE"])
      await refused(eve, step(eveKey, type, id), "NOT_PROPOSAL_PARTY");
    for (const type of ["ACCEPT", "REJECT"]) await refused(ada, step(adaKey, type, id), "NOT_PROPOSAL_PARTY");
    await bob.client.says(step(bobKey, "ACCEPT", id));
    await bob.client.hears({ type: "ACCEPT", status: "accepted" });
  });

  it("refuses what comes twice or out of turn", async () => {
    const id = await offered();
    for (const [who, key] of [
      [ada, adaKey],
      [bob, bobKey],
    ] as const) {
      await refused(who, step(key, "COMPLETE", id), "INVALID_PROPOSAL");
      await refused(who, step(key, "DISPUTE", id, { reason: "x" }), "INVALID_PROPOSAL");
    }
    const accept = step(bobKey, "ACCEPT", id);
    await bob.client.says(accept);
    for (const { client } of [ada, bob]) await client.hears({ type: "ACCEPT" });
    await refused(bob, accept, "INVALID_PROPOSAL");
    await refused(bob, step(bobKey, "REJECT", id), "INVALID_PROPOSAL");
  });

  it("refuses to decide late: at the second it expires, not before", async () => {
    const [first, second] = [await offered({ task: "one", expires: 2 }), await offered({ task: "two", expires: 2 })];
    world.clock.advance(1_999);
    await bob.client.says(step(bobKey, "ACCEPT", first));
    for (const { client } of [ada, bob]) await client.hears({ type: "ACCEPT", status: "accepted" });
    world.clock.advance(1);
    await refused(bob, step(bobKey, "ACCEPT", second), "PROPOSAL_EXPIRED");
    await ada.client.says(step(adaKey, "COMPLETE", first));
    await ada.client.hears({ type: "COMPLETE", status: "completed" });
  });

  it("wants a key, a signature, and one that is good, by the session's own key over this very text", async () => {
    const id = await offered();
    const anybody = await world.ephemeral("anybody");
    await anybody.client.says(step(bobKey, "ACCEPT", id));
    await anybody.client.hears({ type: "ERROR", code: "SIGNATURE_REQUIRED" });
    const good = step(bobKey, "ACCEPT", id, { payment_code: "one" });
    for (const sig of [
      undefined,
      "",
      "%",
      "AAAA",
      adaKey.signs(`ACCEPT|${id}|one`),
      bobKey.signs(`ACCEPT|${id}|two`),
      bobKey.signs(`REJECT|${id}|one`),
      bobKey.signs(`ACCEPT|other|one`),
    ]) {
      await refused(bob, { ...good, sig }, "SIGNATURE_REQUIRED");
    }
    const { message } = await refused(bob, { ...good, payment_code: "two" }, "SIGNATURE_REQUIRED");
    expect(message).toMatch(/does not verify/);
    await refused(ada, { ...proposal(adaKey, { to: bob.id, task: "x", amount: 1 }), amount: 2 }, "SIGNATURE_REQUIRED");
    await bob.client.says(good);
    await bob.client.hears({ type: "ACCEPT", payment_code: "one" });
  });

  it("is open to a key that never answered its challenge", async () => {
    const client = world.connect("/agentchat");
    await client.says({ type: "IDENTIFY", name: "silent", pubkey: keyFor("silent").raw });
    await client.says(proposal(keyFor("silent"), { to: bob.id, task: "x" }));
    const { id } = await bob.client.hears({ type: "PROPOSAL", from: `@${keyFor("silent").id}` });
    await client.hears({ type: "PROPOSAL", id });
  });

  it("refuses a proposal to oneself, to nobody, and to whoever has no key to answer with", async () => {
    await refused(ada, proposal(adaKey, { to: ada.id, task: "x" }), "INVALID_PROPOSAL");
    await refused(ada, proposal(adaKey, { to: ada.id.slice(1), task: "x" }), "INVALID_PROPOSAL");
    // Whoever bears that name now, only ada could accept.
    await refused(ada, proposal(adaKey, { to: `@${adaKey.formerId}`, task: "x" }), "INVALID_PROPOSAL");
    for (const to of ["@0000000000000000", "@", "#general", "$broker", "all"])
      await refused(ada, proposal(adaKey, { to, task: "x" }), "AGENT_NOT_FOUND");
    const anybody = await world.ephemeral("anybody");
    await refused(ada, proposal(adaKey, { to: anybody.id, task: "x" }), "INVALID_PROPOSAL");
    await anybody.client.hearsNothing();
  });

  it("refuses | in every signed field but the last", async () => {
    for (const field of ["task", "currency", "payment_code"])
      await refused(ada, proposal(adaKey, { to: bob.id, task: "x", [field]: "a|b" }), "INVALID_PROPOSAL");
    await refused(ada, proposal(adaKey, { to: `${bob.id}|x`, task: "y" }), "INVALID_PROPOSAL");
    await refused(bob, step(bobKey, "ACCEPT", "no|such"), "PROPOSAL_NOT_FOUND");
    await refused(bob, step(bobKey, "ACCEPT", "nothing"), "PROPOSAL_NOT_FOUND");
  });

  it("lets a step stand when the other party is away, and answers who took it", async () => {
    const id = await offered();
    await ada.client.vanishes();
    await bob.client.says(step(bobKey, "ACCEPT", id));
    await bob.client.hears({ type: "ACCEPT", status: "accepted" });
    const back = await world.proved("ada");
    await back.client.says(step(adaKey, "COMPLETE", id));
    await back.client.hears({ type: "COMPLETE", status: "completed" });
    await bob.client.hears({ type: "COMPLETE", status: "completed" });
    world.expectSound();
  });

  it("carries the longest fields there can be", async () => {
    const long = "ü".repeat(4_096);
    const said = proposal(adaKey, {
      to: bob.id,
      task: long,
      currency: "x".repeat(32),
      payment_code: "ü".repeat(1_024),
      terms: long,
    });
    await ada.client.says(said);
    for (const { client } of [ada, bob]) expect(await client.hears({ type: "PROPOSAL" })).toMatchObject(said);
    world.expectSound();
  });

  it("comes again, as the same, to somebody who says it again because no answer came", async () => {
    const said = proposal(adaKey, { to: bob.id, task: "once" });
    await ada.client.says(said);
    await ada.client.says(said);
    expect(new Set([...ada.client.all(), ...bob.client.all()].map(({ id }) => id)).size).toBe(1);
  });
});
