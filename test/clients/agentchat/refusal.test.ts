// Against a fake server (client-fake-server.ts) that says only what each test has it say.
import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AgentChatClient, type AgentChatError } from "../../../clients/typescript/agentchat/client.js";
import { FakeServer, told, type Peer } from "./fake-server.js";

/** What JavaScript passes where nothing was given. */
const nothing = undefined as unknown as string;

describe("what an AgentChat server refuses", () => {
  let fake: FakeServer;
  let client: AgentChatClient;
  let peer: Peer;
  beforeEach(async () => {
    fake = await FakeServer.start();
    client = new AgentChatClient({ server: fake.url, name: "ada", reconnect: false, answerTimeoutMs: 2_000 });
    [peer] = await Promise.all([fake.welcome(), client.connect()]);
  });
  afterEach(async () => {
    await client.disconnect();
    await fake.stop();
  });
  it.each<readonly [what: string, say: () => Promise<unknown>]>([
    ["MSG: content: is missing; it is text; nothing was sent", () => client.send("#general", nothing)],
    ["MSG: to: must not be empty; nothing was sent", () => client.send("", "x")],
    ["MSG: msg_id", () => client.send("#general", "x", { msgId: "" })],
    ["@agent-id", () => client.dm(nothing, "x")],
    ["JOIN: channel", () => client.join(nothing)],
    ["JOIN: replay: must be at least 0; nothing was sent", () => client.join("#one", { replay: -1 })],
    ["LEAVE: channel", () => client.leave("")],
    ["LIST_AGENTS: channel", () => client.listAgents(nothing)],
    ["CREATE_CHANNEL: channel", () => client.createChannel("#".repeat(129))],
    ["@agent-id", () => client.invite("#one", nothing)],
    ["INVITE: channel", () => client.invite("", "@bob")],
  ])("is not even sent, if it can be known: a wrong %s", async (what, say) => {
    const [bad, joined] = [say(), client.join("#general")];
    await expect(bad).rejects.toMatchObject({ code: "INVALID_MSG", message: expect.stringContaining(what) as string });
    await peer.hears("JOIN");
    peer.says({ type: "JOINED", channel: "#general", agents: ["@me"] });
    expect(await joined).toEqual(["@me"]);
  });

  it("is not charged to a call when its text names another type", async () => {
    const error = told(client, "error");
    const calls = Promise.allSettled([client.join("#one"), client.listAgents("#one")]);
    await peer.hears("JOIN");
    await peer.hears("LIST_AGENTS");
    peer.says(
      { type: "ERROR", code: "INVALID_MSG", message: "MSG: content: must be text" },
      { type: "ERROR", code: "INVALID_MSG", message: "LIST_AGENTS: channel: must be text" },
      { type: "JOINED", channel: "#one", agents: [] },
    );
    expect(await calls).toMatchObject([
      { status: "fulfilled" },
      { reason: { code: "INVALID_MSG", call: "LIST_AGENTS" } },
    ]);
    expect(await error).toMatchObject({ message: "MSG: content: must be text" });
  });

  it("has the server's own ref, or none, and the call beside it", async () => {
    const calls = Promise.allSettled([client.ping(), client.ping()]);
    await peer.hears("PING");
    await peer.hears("PING");
    peer.says(
      { type: "ERROR", code: "RATE_LIMITED", message: "slow" },
      { type: "ERROR", code: "RATE_LIMITED", message: "slow", ref: "PING" },
    );
    const [bare, named] = (await calls).map((result) =>
      result.status === "rejected" ? (result.reason as AgentChatError) : undefined,
    );
    expect([bare?.call, bare?.ref, named?.call, named?.ref]).toEqual(["PING", undefined, "PING", "PING"]);
  });

  it("is a warning of the process, once for each code, when nobody listens", async () => {
    const warnings: string[] = [];
    const warned = (warning: Error): void => {
      if (warning.name === "AgentChatWarning") warnings.push(warning.message);
    };
    process.on("warning", warned);
    try {
      const refusal = (code: string): object => ({ type: "ERROR", code, message: "no", ref: "m1" });
      const heard = told(client, "message");
      const last = once(process, "warning");
      peer.says(refusal("RATE_LIMITED"), refusal("RATE_LIMITED"), refusal("NOT_INVITED"), {
        type: "MSG",
        from: "@bob",
        to: "@me",
        content: "after",
      });
      await Promise.all([heard, last]);
      await new Promise<void>((resolve) => {
        process.nextTick(resolve);
      }); // each warning is told on a tick of its own
      expect(warnings).toEqual(
        ["RATE_LIMITED", "NOT_INVITED"].map(
          (code) => expect.stringMatching(`${code}: no; .*client\\.on\\("error"`) as string,
        ),
      );
      client.on("error", () => undefined);
      const again = told(client, "error");
      peer.says(refusal("AGENT_NOT_FOUND"));
      await again;
      expect(warnings).toHaveLength(2);
    } finally {
      process.off("warning", warned);
    }
  });

  it("tells who is in a channel by their names, where the server knows some", async () => {
    const rosters = Promise.all([client.roster("#one"), client.listAgents("#one"), client.roster("#one")]);
    for (let count = 0; count < 3; count += 1) await peer.hears("LIST_AGENTS");
    const event = { type: "AGENTS", channel: "#one", list: ["@ab12cd34", "@bob"], names: { "@ab12cd34": "ada" } };
    peer.says(event, event, { ...event, names: null });
    expect(await rosters).toEqual([
      { agents: event.list, names: event.names },
      event.list,
      { agents: event.list, names: {} },
    ]);
  });
});
