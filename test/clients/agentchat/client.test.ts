// Against a fake server (client-fake-server.ts) that says only what each test has it say.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  AgentChatClient,
  AgentChatError,
  type AgentChatClientOptions,
} from "../../../clients/typescript/agentchat/client.js";
import { FakeServer, told, type Peer } from "./fake-server.js";

describe("the AgentChat client", () => {
  let fake: FakeServer;
  const clients: AgentChatClient[] = [];
  beforeEach(async () => {
    fake = await FakeServer.start();
  });
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.disconnect()));
    await fake.stop();
  });
  function client(options: Partial<AgentChatClientOptions> = {}): AgentChatClient {
    const made = new AgentChatClient({ server: fake.url, name: "ada", reconnect: false, ...options });
    clients.push(made);
    return made;
  }
  async function connected(options: Partial<AgentChatClientOptions> = {}): Promise<[AgentChatClient, Peer]> {
    const made = client(options);
    const [peer] = await Promise.all([fake.welcome(), made.connect()]);
    return [made, peer];
  }

  it("introduces itself, and knows its id", async () => {
    const made = client({ echo: false });
    const welcomed = told(made, "welcome");
    const connecting = made.connect();
    const peer = await fake.next();
    expect(peer.socket.protocol).toBe("agentchat.v1");
    expect(await peer.hears("IDENTIFY")).toEqual({ type: "IDENTIFY", name: "ada", echo: false });
    peer.says({ type: "WELCOME", agent_id: "@abc12345", server: "fake", ts: 1 });
    await connecting;
    expect(made.agentId).toBe("@abc12345");
    expect(await welcomed).toEqual({ type: "WELCOME", agent_id: "@abc12345", server: "fake", ts: 1 });
  });

  it("gets along with a server that ignores the subprotocol, and one that gives ids without @ and times not at all", async () => {
    await fake.stop();
    fake = await FakeServer.start({ subprotocol: false });
    const made = client();
    const [peer] = await Promise.all([fake.welcome("abc12345"), made.connect()]);
    expect(made.agentId).toBe("@abc12345");
    const heard = told(made, "message");
    peer.says({ type: "MSG", from: "@bob", to: "#general", content: "hi", sig: null });
    expect(await heard).toMatchObject({
      from: "@bob",
      from_name: "bob",
      to: "#general",
      content: "hi",
      ts: expect.any(Number) as number,
    });
  });

  it("sends to channels and agents, with an id for each message", async () => {
    const [made, peer] = await connected();
    const id = await made.send("#general", "hello", { inReplyTo: "m1" });
    expect(await peer.hears("MSG")).toEqual({
      type: "MSG",
      to: "#general",
      content: "hello",
      msg_id: id,
      in_reply_to: "m1",
    });
    expect(await made.dm("bob", "psst", { msgId: "m2" })).toBe("m2");
    expect(await peer.hears("MSG")).toEqual({ type: "MSG", to: "@bob", content: "psst", msg_id: "m2" });
    await expect(made.send("#general", "x", { msgId: "JOIN" })).rejects.toMatchObject({ code: "INVALID_MSG" });
  });

  it("joins, creates, lists, leaves and pings", async () => {
    const [made, peer] = await connected();
    const joining = made.join("#general", { replay: 5 });
    expect(await peer.hears("JOIN")).toEqual({ type: "JOIN", channel: "#general", replay: 5 });
    peer.says({ type: "JOINED", channel: "#general", agents: ["@bob", "@me"] });
    expect(await joining).toEqual(["@bob", "@me"]);

    const creating = made.createChannel("#own", true);
    expect(await peer.hears("CREATE_CHANNEL")).toEqual({ type: "CREATE_CHANNEL", channel: "#own", invite_only: true });
    peer.says({ type: "JOINED", channel: "#own", agents: ["@me"] });
    await creating;

    const listing = Promise.all([made.listChannels(), made.listAgents("#own")]);
    await peer.hears("LIST_CHANNELS");
    await peer.hears("LIST_AGENTS");
    peer.says(
      { type: "AGENTS", channel: "#own", list: ["@me"] },
      { type: "CHANNELS", list: [{ name: "#own", agents: 1 }] },
    );
    expect(await listing).toEqual([[{ name: "#own", agents: 1 }], ["@me"]]);

    const leaving = made.leave("#own");
    await peer.hears("LEAVE");
    peer.says({ type: "LEFT", channel: "#own", agent: "@me" });
    await leaving;

    const pinging = made.ping();
    await peer.hears("PING");
    peer.says({ type: "PONG" });
    await pinging;
  });

  it("tells what others do, whatever stands in one frame", async () => {
    const [made, peer] = await connected();
    const events: unknown[] = [];
    for (const name of ["message", "agent_joined", "agent_left", "left", "proposal", "dispute"] as const)
      made.on(name, (event: { readonly type: string }) => events.push([name, event.type]));
    const last = told(made, "dispute");
    peer.says(
      { type: "MSG", from: "@bob", from_name: "bob", to: "#general", content: "hi", msg_id: "1", ts: 1 },
      { type: "AGENT_JOINED", channel: "#general", agent: "@eve" },
      { type: "SOMETHING_NEW", what: "ever" },
      { type: "AGENT_LEFT", channel: "#general", agent: "@eve" },
    );
    peer.raw(JSON.stringify({ type: "PROPOSAL", id: "p1", from: "@bob", to: "@me", task: "dig" }, undefined, 2));
    peer.says({ type: "DISPUTE", proposal_id: "p1", from: "@bob", to: "@me", reason: "no hole" });
    await last;
    expect(events).toEqual([
      ["message", "MSG"],
      ["agent_joined", "AGENT_JOINED"],
      ["agent_left", "AGENT_LEFT"],
      ["proposal", "PROPOSAL"],
      ["dispute", "DISPUTE"],
    ]);
  });

  it("hears messages whose other fields make no sense, without these", async () => {
    const [made, peer] = await connected();
    const heard = told(made, "message");
    const good = { type: "MSG", from: "@bob", to: "#general", content: "hi" };
    peer.says({
      ...good,
      ts: "now",
      from_name: 7,
      msg_id: {},
      in_reply_to: 5,
      verified: "yes",
      replay: 1,
      colour: "red",
    });
    const event: unknown = await heard;
    expect(event).toMatchObject({ ...good, from_name: "bob", in_reply_to: "5", colour: "red" });
    expect(event).not.toHaveProperty("verified");
    expect(event).not.toHaveProperty("replay");
  });

  it("survives garbage, and tells each piece of it once", async () => {
    const [made, peer] = await connected();
    const errors: AgentChatError[] = [];
    made.on("error", (error) => errors.push(error));
    const heard = told(made, "message");
    const good = {
      type: "MSG",
      from: "@bob",
      from_name: "bob",
      to: "#general",
      content: "still here",
      msg_id: "1",
      ts: 1,
    };
    for (const bad of [
      "",
      "\n\n",
      "nonsense",
      "[]",
      "7",
      "{}",
      '{"type":7}',
      '{"type":"constructor"}',
      '{"type":"JOINED","channel":7}',
      '{"type":"MSG","from":"@bob"}',
    ])
      peer.raw(bad);
    peer.raw(`{half\n${JSON.stringify(good)}\r\n`);
    expect(await heard).toMatchObject({ content: "still here" });
    expect(errors.map(({ code }) => code)).toEqual(Array<string>(8).fill("INVALID_MSG"));
    expect(errors.at(-3)?.message).toContain("JOINED with a wrong or missing channel");
  });

  it("tells a refused message by its msg_id, and lives when nobody listens to errors", async () => {
    const [made, peer] = await connected();
    const heard = told(made, "message");
    peer.says({ type: "ERROR", code: "RATE_LIMITED", message: "slow down", ref: "m1" });
    peer.raw("garbage");
    peer.says({ type: "MSG", from: "@bob", to: "#general", content: "after" });
    await heard;
    const refused = told(made, "error");
    peer.says({ type: "ERROR", code: "AGENT_NOT_FOUND", message: "nobody", ref: "m2", retry_after: 250 });
    const error = await refused;
    expect(error).toBeInstanceOf(AgentChatError);
    expect(error).toMatchObject({ code: "AGENT_NOT_FOUND", message: "nobody", ref: "m2", retryAfterMs: 250 });
  });

  it("says what to check when there is no server, no answer, or no connection", async () => {
    const made = client();
    await expect(made.send("#general", "x")).rejects.toMatchObject({ code: "CLOSED" });
    await expect(made.join("#general")).rejects.toMatchObject({ code: "CLOSED" });
    const { url } = fake;
    await fake.stop();
    await expect(client({ server: url }).connect()).rejects.toThrow(/is the server running/);
    await expect(client({ server: "no address" }).connect()).rejects.toThrow(/write ws:/);
    fake = await FakeServer.start();
    await expect(client({ answerTimeoutMs: 20 }).connect()).rejects.toMatchObject({
      code: "TIMEOUT",
      call: "IDENTIFY",
    });
  });

  it("rejects connect with the server's own word", async () => {
    const made = client();
    const connecting = made.connect();
    const peer = await fake.next();
    await peer.hears("IDENTIFY");
    peer.says({ type: "ERROR", code: "INVALID_NAME", message: "1 to 32", ref: "IDENTIFY" });
    await expect(connecting).rejects.toMatchObject({ code: "INVALID_NAME", message: "1 to 32" });
  });

  it("cannot be connected twice at once, but again after disconnect", async () => {
    const [made] = await connected();
    await expect(made.connect()).rejects.toThrow(/disconnect\(\) first/);
    await made.disconnect();
    await Promise.all([fake.welcome("@anew"), made.connect()]);
    expect(made.agentId).toBe("@anew");
  });
});
