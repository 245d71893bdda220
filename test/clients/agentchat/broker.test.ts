// Against our own broker, over real sockets.
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { AgentChatClient, type AgentChatClientOptions } from "../../../clients/typescript/agentchat/client.js";
import { agentIdOf, generateIdentity, writeIdentity } from "../../../clients/typescript/agentchat/identity-file.js";
import { startBroker, type TestBroker } from "../../kit/broker.js";
import { told } from "./fake-server.js";

describe("the AgentChat client and our broker", () => {
  let at: TestBroker;
  let server: string;
  const clients: AgentChatClient[] = [];
  beforeEach(async () => {
    at = await startBroker({ limits: { agentchatRatePerSecond: 0 } });
    server = at.pan.replace(/pan$/, "agentchat");
  });
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.disconnect()));
    await at.stop();
  });
  async function client(name: string, options: Partial<AgentChatClientOptions> = {}): Promise<AgentChatClient> {
    const made = new AgentChatClient({ server, name, ...options });
    clients.push(made);
    await made.connect();
    return made;
  }
  /** A file with an identity of its own. */
  async function identityOf(name: string): Promise<{ readonly identity: string; readonly id: string }> {
    const identity = generateIdentity(name);
    const path = join(at.dataDir, `${name}.json`);
    await writeIdentity(path, identity);
    return { identity: path, id: agentIdOf(identity) };
  }

  it("does what the document's snippet does", async () => {
    const [ada, bob] = [await client("ada", { echo: false }), await client("bob", { echo: false })];
    await ada.join("#general");
    const came = told(ada, "agent_joined");
    expect([...(await bob.join("#general"))].sort()).toEqual([ada.agentId, bob.agentId].sort());
    expect(await came).toMatchObject({ channel: "#general", agent: bob.agentId });
    const heard = told(ada, "message");
    const id = await bob.send("#general", "Hello agents!");
    expect(await heard).toMatchObject({
      from: bob.agentId,
      from_name: "bob",
      to: "#general",
      content: "Hello agents!",
      msg_id: id,
    });
    const direct = told(bob, "message");
    await ada.dm(bob.agentId ?? "", "Private hello");
    expect(await direct).toMatchObject({ from: ada.agentId, to: bob.agentId, content: "Private hello" });
    expect(await ada.listChannels()).toContainEqual({ name: "#general", agents: 2 });
    expect(await ada.listAgents("#general")).toHaveLength(2);
    await bob.leave("#general");
    expect(await ada.listAgents("#general")).toEqual([ada.agentId]);
    await bob.ping();
  });

  it("has said all that it said when it disconnects at once, though each message waits for the disk", async () => {
    const [ada, bob] = [await client("ada"), await client("bob")];
    const texts = ["one", "two", "three", "four", "five"];
    const heard: string[] = [];
    const all = new Promise<void>((resolve) => {
      bob.on("message", ({ content }) => {
        if (heard.push(content) === texts.length) resolve();
      });
    });
    for (const text of texts) await ada.dm(bob.agentId ?? "", text);
    await ada.disconnect();
    await all;
    expect(heard).toEqual(texts);
  });

  it("keeps refusals apart", async () => {
    const [ada, bob] = [await client("ada"), await client("bob")];
    const refused = told(ada, "error");
    const results = await Promise.allSettled([
      ada.join("#nowhere"),
      ada.createChannel("#own", true),
      ada.createChannel("#own"),
      ada.invite("#own", "@nobody"),
      ada.invite("#own", bob.agentId ?? ""),
      ada.send("#nowhere", "x", { msgId: "m1" }),
      ada.listAgents("#own"),
      ada.leave("#general"),
      ada.propose(bob.agentId ?? "", { task: "dig" }),
    ]);
    expect(
      results.map((result) =>
        result.status === "fulfilled" ? "done" : (result.reason as { readonly code: string }).code,
      ),
    ).toEqual([
      "CHANNEL_NOT_FOUND",
      "done",
      "CHANNEL_EXISTS",
      "AGENT_NOT_FOUND",
      "done",
      "done",
      "done",
      "INVALID_MSG",
      "SIGNATURE_REQUIRED",
    ]);
    expect(await refused).toMatchObject({ code: "CHANNEL_NOT_FOUND", ref: "m1" });
    expect(await bob.join("#own")).toContain(ada.agentId);
  });

  it("is proved when connect is done, at every connection, signs, and negotiates", async () => {
    const [ada, bob] = [await identityOf("ada"), await identityOf("bob")];
    await (await client("ada", { identity: ada.identity })).disconnect();
    const [a, b] = [
      new AgentChatClient({ server, name: "ada", identity: ada.identity }),
      await client("bob", { identity: bob.identity }),
    ];
    clients.push(a);
    let isProved = false;
    a.once("verified", () => (isProved = true));
    await a.connect();
    expect([a.agentId, isProved]).toEqual([ada.id, true]);
    const heard = told(b, "message");
    await a.dm(bob.id, "signed");
    expect(await heard).toMatchObject({ from: ada.id, verified: true });

    const asked = told(b, "proposal");
    const { proposal_id: id } = await a.propose(bob.id, { task: "dig", amount: 5 });
    expect(await asked).toMatchObject({ proposal_id: id, from: ada.id, task: "dig", status: "pending" });
    expect(await b.accept(id, "pay-me")).toMatchObject({ status: "accepted", payment_code: "pay-me" });
    await expect(b.accept(id)).rejects.toMatchObject({ code: "INVALID_PROPOSAL" });
    expect(await a.complete(id, "done")).toMatchObject({ status: "completed", from: ada.id });
    await expect(a.reject("none", "why")).rejects.toMatchObject({ code: "PROPOSAL_NOT_FOUND" });
  });

  it("comes back into its channels after a restart, and goes when another proves its key", async () => {
    const ada = await identityOf("ada");
    const first = await client("ada", { identity: ada.identity });
    await first.join("#general");
    const back = told(first, "open");
    await at.broker.stop();
    const before = at;
    onTestFinished(() => before.stop());
    at = await startBroker({ dataDir: at.dataDir, ws: [new URL(server).host], limits: { agentchatRatePerSecond: 0 } });
    await back;
    expect(await first.listAgents("#general")).toEqual([ada.id]);
    const [error, lost] = [told(first, "error"), told(first, "close")];
    const second = await client("ada", { identity: ada.identity });
    expect(await error).toMatchObject({ code: "SESSION_DISPLACED" });
    expect(await lost).toMatchObject({ code: 4409 });
    await second.ping();
  });
});
