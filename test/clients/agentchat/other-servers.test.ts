import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  AgentChatClient,
  type AgentChatClientOptions,
  type MsgEvent,
} from "../../../clients/typescript/agentchat/client.js";
import { agentIdOf, generateIdentity, writeIdentity } from "../../../clients/typescript/agentchat/identity-file.js";
import { PemServer } from "../../kit/pem-server.js";
import { told } from "./fake-server.js";

describe.each(["plain", "proving"] as const)("the AgentChat client at a %s server of other makers", (kind) => {
  let server: PemServer;
  let folder: string;
  const clients: AgentChatClient[] = [];
  beforeEach(async () => {
    server = await PemServer.start(kind);
    folder = await mkdtemp(join(tmpdir(), "agentchat-others-"));
  });
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.disconnect()));
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** A client with a key of its own, connected. */
  async function keyed(name: string, options: Partial<AgentChatClientOptions> = {}): Promise<AgentChatClient> {
    const identity = join(folder, `${name}.json`);
    await writeIdentity(identity, generateIdentity(name)).catch((thrown: unknown) => {
      if (!String(thrown).includes("exists")) throw thrown; // the same agent once more
    });
    const client = new AgentChatClient({ server: server.url, identity, reconnect: false, ...options });
    clients.push(client);
    await client.connect();
    return client;
  }

  it("comes with its key as PEM, and by the name in its identity file", async () => {
    const identity = generateIdentity("ada");
    await writeIdentity(join(folder, "ada.json"), identity);
    const ada = await keyed("ada");
    expect(server.keys).toEqual([`-----BEGIN PUBLIC KEY-----\n${identity.pubkey}\n-----END PUBLIC KEY-----\n`]);
    expect(ada.connected).toBe(true);
    await ada.join("#general");
    const { names } = await ada.roster("#general");
    expect(names).toEqual(kind === "plain" ? {} : { [ada.agentId ?? ""]: "ada" });
    expect([...ada.channels]).toEqual(["#general"]);
    await ada.disconnect();
    expect([ada.connected, [...ada.channels]]).toEqual([false, []]);
  });

  it("has the id that its own file tells, or the first digits of it", async () => {
    const identity = generateIdentity("ada");
    await writeIdentity(join(folder, "ada.json"), identity);
    const ada = await keyed("ada");
    expect(ada.agentId).toHaveLength(kind === "plain" ? 9 : 17);
    expect(agentIdOf(identity).startsWith(ada.agentId ?? "?")).toBe(true);
  });

  it("joins, lists, creates, invites and leaves", async () => {
    const [ada, bob] = [await keyed("ada"), await keyed("bob")];
    const adaId = ada.agentId ?? "";
    expect(await ada.join("#general")).toEqual([adaId]);
    expect(await bob.join("#general")).toEqual([adaId, bob.agentId]);
    expect(await ada.listAgents("#general")).toEqual([adaId, bob.agentId]);
    expect(await ada.listChannels()).toMatchObject([{ name: "#general", agents: 2 }, { name: "#agents" }]);
    await ada.createChannel("#den", true);
    await expect(bob.join("#den")).rejects.toMatchObject({ code: "NOT_INVITED", call: "JOIN" });
    await ada.invite("#den", bob.agentId ?? "");
    expect(await bob.join("#den")).toHaveLength(2);
    const left = told(bob, "left");
    await bob.leave("#general");
    expect(await left).toMatchObject({ type: "LEFT", channel: "#general", agent: bob.agentId });
    expect([...bob.channels]).toEqual(["#den"]);
  });

  it("hears messages, and never takes the server's word about a sender for a signature that holds or fails", async () => {
    const [ada, bob] = [await keyed("ada"), await keyed("bob")];
    await bob.join("#general");
    await ada.join("#general");
    const heard = new Promise<MsgEvent>((resolve) => {
      bob.on("message", (message) => {
        if (message.from === ada.agentId) resolve(message);
      });
    });
    await ada.deliver("#general", "hello");
    const message = await heard;
    expect(message).toMatchObject({ to: "#general", content: "hello", sig: expect.any(String) as string });
    expect(message).not.toHaveProperty("verified");
    expect(message.msg_id === "").toBe(kind === "plain");
  });

  it("delivers once the message is back, and throws each refusal that can be about it", async () => {
    const [ada, bob] = [await keyed("ada"), await keyed("bob")];
    const errors: unknown[] = [];
    ada.on("error", (error) => errors.push(error));
    await expect(ada.deliver("#general", "from outside")).rejects.toMatchObject({ code: "NOT_INVITED", call: "MSG" });
    await expect(ada.deliver("#nowhere", "x")).rejects.toMatchObject({ code: "CHANNEL_NOT_FOUND" });
    await expect(ada.deliver("@nobody", "x", { msgId: "m1" })).rejects.toMatchObject({
      code: "AGENT_NOT_FOUND",
      msgId: "m1",
    });
    await ada.deliver(bob.agentId ?? "", "to you");
    server.messageEveryMs = 60_000;
    await expect(ada.deliver(bob.agentId ?? "", "too soon")).rejects.toMatchObject({ code: "RATE_LIMITED" });
    server.messageEveryMs = 0;
    await ada.deliver(bob.agentId ?? "", "now");
    expect(errors).toEqual([]);
  });

  it("tells a refusal of what was sent by its id, though the server does not say it", async () => {
    const ada = await keyed("ada");
    const refused = told(ada, "error");
    await ada.send("@nobody", "x", { msgId: "m1" });
    await ada.ping();
    const error = await refused;
    expect(error).toMatchObject({ code: "AGENT_NOT_FOUND", call: "MSG", msgId: "m1" });
    expect(error.ref).toBeUndefined();
  });

  it("comes to agreements; its own steps are told as its own", async () => {
    const [ada, bob] = [await keyed("ada"), await keyed("bob")];
    const heard = told(bob, "proposal");
    const proposed = await ada.propose(bob.agentId ?? "", { task: "dig", amount: 0, currency: "SOL", expires: 60 });
    expect(proposed).toMatchObject({ type: "PROPOSAL", from: ada.agentId, to: bob.agentId, status: "pending" });
    const id = (await heard).proposal_id;
    expect(id).toBe(proposed.proposal_id);
    const accepted = told(ada, "accept");
    expect(await bob.accept(id)).toMatchObject({ type: "ACCEPT", from: bob.agentId, status: "accepted" });
    const [from, to] = kind === "plain" ? ["", ""] : [bob.agentId, ada.agentId];
    expect(await accepted).toMatchObject({ proposal_id: id, from, to });
    const completed = told(bob, "complete");
    expect(await ada.complete(id, "a hole")).toMatchObject({ from: ada.agentId, proof: "a hole" });
    expect(await completed).toMatchObject({ from: ada.agentId });
    const disputed = told(ada, "dispute");
    expect(await bob.dispute(id, "no hole")).toMatchObject({ from: bob.agentId, reason: "no hole" });
    expect(await disputed).toMatchObject({ from: bob.agentId, to });
    expect(await bob.reject(id)).toMatchObject({ status: "rejected" });
    await expect(bob.accept("p99")).rejects.toMatchObject({ code: "INVALID_PROPOSAL" });
  });

  it("is told what it has heard only once, also when its channels are joined again", async () => {
    const [ada, bob] = [await keyed("ada"), await keyed("bob", { reconnect: true })];
    const heard: string[] = [];
    bob.on("message", ({ from, content }) => {
      if (from !== "@server") heard.push(content);
    });
    await ada.join("#general");
    await ada.deliver("#general", "before");
    const last = new Promise<void>((resolve) => {
      bob.on("message", ({ content }) => {
        if (content === "last") resolve();
      });
    });
    await bob.join("#general"); // tells what was said before
    await ada.deliver("#general", "once");
    const back = told(bob, "open");
    server.dropAll();
    await back;
    const eve = await keyed("eve");
    await eve.join("#general");
    await eve.deliver("#general", "last");
    await last;
    expect(heard).toEqual(["before", "once", "last"]);
    const again = told(bob, "message");
    await bob.join("#general", { replay: 5 }); // asked for: told whether it was heard or not
    expect(await again).toMatchObject({ content: "before", replay: true });
  });

  it("does not come back once another connection has its identity", async () => {
    const first = await keyed("ada", { reconnect: true });
    first.on("error", () => undefined);
    const closed = told(first, "close");
    const second = await keyed("ada");
    expect(await closed).toMatchObject({ code: 4409 });
    await second.ping();
    expect([first.connected, second.connected]).toEqual([false, true]);
  });

  it("stops to come back when the server refuses it for good, and goes on when it may change its mind", async () => {
    const ada = await keyed("ada", { reconnect: true });
    const refused = told(ada, "error");
    const reasons: string[] = [];
    const refusedOnce = new Promise<void>((resolve) => {
      ada.on("reconnecting", ({ reason }) => {
        if (reasons.push(reason) === 2) resolve();
      });
    });
    server.refusesAll = "INTERNAL";
    server.dropAll();
    await refusedOnce;
    expect(reasons).toEqual([expect.stringContaining("1006") as string, "no"]);
    const gone = told(ada, "close");
    server.refusesAll = "BANNED";
    expect(await refused).toMatchObject({ code: "BANNED", call: "IDENTIFY" });
    expect(await gone).toMatchObject({ code: 1008 });
  });
});
