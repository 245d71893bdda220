import { appendFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AgentChatDaemon, getDaemonStatus } from "../../../clients/typescript/agentchat/daemon.js";
import { readOutboxLine } from "../../../clients/typescript/agentchat/daemon/outbox-line.js";
import { generateIdentity, writeIdentity } from "../../../clients/typescript/agentchat/identity-file.js";
import { eventually, startBroker, type TestBroker } from "../../kit/broker.js";
import { jsonLines, tempDir } from "./daemon-world.js";

type Line = Readonly<Record<string, unknown>>;

describe("lines of the outbox with a type", () => {
  let temp: Awaited<ReturnType<typeof tempDir>>;
  let at: TestBroker;
  const daemons: AgentChatDaemon[] = [];
  beforeEach(async () => {
    temp = await tempDir();
    at = await startBroker({ limits: { agentchatRatePerSecond: 0 } });
  });
  afterEach(async () => {
    await Promise.all(daemons.splice(0).map((one) => one.stop()));
    await at.stop();
    await temp.remove();
  });

  async function start(name: string, channels: readonly string[] = ["#general"]): Promise<AgentChatDaemon> {
    const identity = join(temp.dir, `${name}.json`);
    if (!existsSync(identity)) await writeIdentity(identity, generateIdentity(name));
    const made = new AgentChatDaemon({
      server: at.pan.replace(/pan$/, "agentchat"),
      name,
      identity,
      channels,
      dir: temp.dir,
      pollMs: 100,
    });
    daemons.push(made);
    await made.start();
    return made;
  }
  const writes = (of: AgentChatDaemon, line: Line): void => {
    appendFileSync(of.paths.outbox, `${JSON.stringify(line)}\n`);
  };
  /** The first line of the inbox that has these fields. */
  async function hears(of: AgentChatDaemon, fields: Line): Promise<Line> {
    const found = (): Line | undefined =>
      jsonLines(of.paths.inbox).find((line) => Object.entries(fields).every(([field, value]) => line[field] === value));
    await eventually(
      () => found() !== undefined,
      `it hears ${JSON.stringify(fields)}, not only ${JSON.stringify(jsonLines(of.paths.inbox).slice(-4))}`,
    );
    return found() ?? {};
  }

  it("propose, accept and complete work between two agents that live in daemons", async () => {
    const [ada, bob] = [await start("ada"), await start("bob")];
    writes(ada, {
      type: "PROPOSAL",
      to: bob.agentId,
      task: "review",
      amount: 5,
      currency: "USD",
      payment_code: "code",
      terms: "soon",
      expires: 600,
    });
    const proposal = await hears(bob, { type: "PROPOSAL", from: ada.agentId });
    expect(proposal).toMatchObject({
      task: "review",
      amount: 5,
      currency: "USD",
      payment_code: "code",
      terms: "soon",
      expires_in: 600,
    });
    const id = proposal["proposal_id"];
    expect(await hears(ada, { type: "PROPOSAL" })).toMatchObject({ proposal_id: id });
    writes(bob, { type: "ACCEPT", proposal_id: id, payment_code: "paid" });
    expect(await hears(ada, { type: "ACCEPT", proposal_id: id })).toMatchObject({
      from: bob.agentId,
      status: "accepted",
      payment_code: "paid",
    });
    await hears(bob, { type: "ACCEPT", proposal_id: id });
    writes(bob, { type: "COMPLETE", proposal_id: id, proof: "commit 1" });
    expect(await hears(ada, { type: "COMPLETE", proposal_id: id })).toMatchObject({ proof: "commit 1" });
  });

  it("reject and dispute it", async () => {
    const [ada, bob] = [await start("ada"), await start("bob")];
    for (const task of ["one", "two"]) writes(ada, { type: "PROPOSAL", to: bob.agentId, task });
    const one = (await hears(bob, { task: "one" }))["proposal_id"];
    const two = (await hears(bob, { task: "two" }))["proposal_id"];
    writes(bob, { type: "REJECT", proposal_id: one, reason: "too much" });
    expect(await hears(ada, { type: "REJECT" })).toMatchObject({ proposal_id: one, reason: "too much" });
    writes(bob, { type: "ACCEPT", proposal_id: two });
    await hears(ada, { type: "ACCEPT" });
    writes(ada, { type: "DISPUTE", proposal_id: two, reason: "not done" });
    expect(await hears(bob, { type: "DISPUTE" })).toMatchObject({ proposal_id: two, reason: "not done" });
  });

  it("make a channel, invite into it, join and leave it; who waits for the invitation is there at once", async () => {
    const [ada, bob] = [await start("ada"), await start("bob", ["#general", "#secret"])];
    writes(ada, { type: "CREATE_CHANNEL", channel: "#secret", invite_only: true });
    await hears(ada, { type: "JOINED", channel: "#secret" });
    // coming into #general at its start is no news
    expect(jsonLines(ada.paths.inbox).filter(({ type }) => type === "JOINED")).toHaveLength(1);
    expect(getDaemonStatus("bob", temp.dir)).toMatchObject({
      joined: ["#general"],
      notJoined: [{ channel: "#secret", code: "CHANNEL_NOT_FOUND" }],
    });
    writes(ada, { type: "INVITE", channel: "#secret", agent: bob.agentId });
    await hears(bob, { type: "MSG", from: "@server" });
    expect(await hears(bob, { type: "JOINED", channel: "#secret" })).toMatchObject({
      agents: expect.arrayContaining([ada.agentId, bob.agentId]) as unknown,
    });
    await eventually(() => getDaemonStatus("bob", temp.dir).notJoined?.length === 0, "its status says so");
    writes(bob, { type: "MSG", to: "#secret", content: "here" });
    await hears(ada, { type: "MSG", content: "here" });
    writes(bob, { type: "LEAVE", channel: "#secret" });
    await hears(bob, { type: "LEFT", channel: "#secret" });
    await eventually(
      () => getDaemonStatus("bob", temp.dir).joined?.includes("#secret") === false,
      "its status says so, too",
    );
  });

  it("join for longer than the process lives, until they leave", async () => {
    const first = await start("ada");
    for (const channel of ["#agents", "#mine", "#left"])
      writes(first, { type: channel === "#agents" ? "JOIN" : "CREATE_CHANNEL", channel });
    writes(first, { type: "LEAVE", channel: "#left" });
    await hears(first, { type: "LEFT", channel: "#left" });
    await eventually(() => getDaemonStatus("ada", temp.dir).unsentBytes === 0, "that is written down");
    await first.stop();
    await start("ada");
    expect(getDaemonStatus("ada", temp.dir)).toMatchObject({
      channels: ["#general"],
      joined: ["#general", "#agents", "#mine"],
    });
  });

  it("that are refused are told in the inbox in the server's words", async () => {
    const ada = await start("ada");
    const line = { type: "ACCEPT", proposal_id: "none" };
    writes(ada, line);
    const error = await hears(ada, { type: "ERROR" });
    expect(error).toMatchObject({
      code: "PROPOSAL_NOT_FOUND",
      message: expect.stringMatching(/^there is no proposal none/) as string,
      line: JSON.stringify(line),
      ts: expect.any(Number) as number,
    });
    expect(jsonLines(ada.paths.rejected)).toMatchObject([
      { code: "PROPOSAL_NOT_FOUND", reason: error["message"], line: JSON.stringify(line) },
    ]);
    await eventually(() => getDaemonStatus("ada", temp.dir).rejectedLines === 1, "it is counted");
  });
});

describe("reading a line of the outbox", () => {
  const read = (line: unknown): unknown => readOutboxLine(Buffer.from(JSON.stringify(line)));

  it("takes the fields of the command, and null for nothing", () => {
    expect(read({ to: "#general", content: "x" })).toEqual({ type: "MSG", to: "#general", content: "x" });
    expect(read({ type: "MSG", to: "@a", content: "x", in_reply_to: "1" })).toEqual({
      type: "MSG",
      to: "@a",
      content: "x",
      inReplyTo: "1",
    });
    expect(read({ type: "REJECT", proposal_id: "1", reason: null, more: 1 })).toEqual({
      type: "REJECT",
      proposal_id: "1",
    });
    expect(read({ type: "CREATE_CHANNEL", channel: "#a", invite_only: true })).toEqual({
      type: "CREATE_CHANNEL",
      channel: "#a",
      invite_only: true,
    });
  });

  it("says what is wrong, by type and field", () => {
    expect(read({ type: "JOIN" })).toMatch(/^JOIN: channel: /);
    expect(read({ type: "INVITE", channel: "#a" })).toMatch(/^INVITE: agent: /);
    expect(read({ type: "PROPOSAL", to: "@a", task: "x", amount: "5" })).toMatch(/^PROPOSAL: amount: /);
    expect(read({ type: "DISPUTE", proposal_id: "1" })).toMatch(/^DISPUTE: reason: /);
    expect(read({ type: "IDENTIFY", name: "x" })).toMatch(/^type: it must be MSG, JOIN, /);
    expect(read({ type: "toString" })).toMatch(/^type: it must be MSG/);
    expect(read({ type: 7, to: "#a", content: "x" })).toMatch(/^type: it must be MSG/);
  });
});
