// Against a fake server (fake-server.ts) that says only what each test has it say.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { answerCall, noCalls } from "../../../clients/typescript/agentchat/calls.js";
import type { AgentChatClient, AgentChatError } from "../../../clients/typescript/agentchat/client.js";
import { fakeLine, type Peer } from "./fake-server.js";

describe("AgentChat calls whose answer comes too late", () => {
  let client: AgentChatClient;
  let peer: Peer;
  let errors: readonly AgentChatError[];
  let end: () => Promise<void>;
  beforeEach(async () => {
    ({ client, peer, errors, end } = await fakeLine(500));
  });
  afterEach(() => end());
  async function timesOut(call: Promise<unknown>, type: string): Promise<void> {
    await expect(call).rejects.toMatchObject({ code: "TIMEOUT", call: type });
    await peer.hears(type);
  }

  it.each([
    ["with ref", { ref: "JOIN" }],
    ["without", {}],
  ])("gives a late refusal %s to nobody, not to the next call", async (_which, ref) => {
    await timesOut(client.join("#secret"), "JOIN");
    const joining = client.join("#b");
    await peer.hears("JOIN");
    peer.says(
      { type: "ERROR", code: "NOT_INVITED", message: "#secret is for those who were invited", ...ref },
      { type: "JOINED", channel: "#b", agents: ["@me"] },
    );
    expect(await joining).toEqual(["@me"]);
    expect(errors).toEqual([]);
  });

  it("gives a late answer to nobody, not to the next call of its kind", async () => {
    await timesOut(client.listChannels(), "LIST_CHANNELS");
    const listing = client.listChannels();
    await peer.hears("LIST_CHANNELS");
    peer.says(
      { type: "CHANNELS", list: [{ name: "#old", agents: 1 }] },
      { type: "CHANNELS", list: [{ name: "#new", agents: 1 }] },
    );
    expect(await listing).toEqual([{ name: "#new", agents: 1 }]);
  });

  it("waits no longer for a late answer once something said after it is answered", async () => {
    await timesOut(client.listChannels(), "LIST_CHANNELS");
    const joining = client.join("#b");
    await peer.hears("JOIN");
    peer.says({ type: "JOINED", channel: "#b", agents: [] });
    await joining;
    const listing = client.listChannels();
    await peer.hears("LIST_CHANNELS");
    peer.says({ type: "CHANNELS", list: [] });
    expect(await listing).toEqual([]);
  });

  it("does not take a late PONG for the answer to an invitation", async () => {
    await timesOut(client.ping(), "PING");
    const inviting = client.invite("#own", "@bob");
    await peer.hears("INVITE");
    await peer.hears("PING");
    peer.says(
      { type: "PONG" },
      { type: "ERROR", code: "AGENT_NOT_FOUND", message: "nobody", ref: "INVITE" },
      { type: "PONG" },
    );
    await expect(inviting).rejects.toMatchObject({ code: "AGENT_NOT_FOUND", ref: "INVITE" });
  });

  it("keeps no more than 256 places for answers that never come", async () => {
    const calls = noCalls();
    const ask = (timeoutMs: number): Promise<string> =>
      calls.wait("PING", ({ type }) => (type === "PONG" ? "answered" : undefined), timeoutMs);
    await Promise.allSettled(Array.from({ length: 300 }, () => ask(0)));
    const asking = ask(60_000);
    let isAnswered = false;
    void asking.then(() => (isAnswered = true));
    for (let count = 0; count < 256; count += 1) answerCall(calls, { type: "PONG", ts: 1 });
    await Promise.resolve();
    expect(isAnswered).toBe(false);
    answerCall(calls, { type: "PONG", ts: 1 });
    expect(await asking).toBe("answered");
  });
});
