import { afterEach, describe, expect, it } from "vitest";
import { AgentChatClient } from "../../../clients/typescript/agentchat/client.js";
import { startBroker, type TestBroker } from "../../kit/broker.js";
import { fakeLine } from "./fake-server.js";

describe("AgentChatClient.ask", () => {
  describe("at our broker", () => {
    let at: TestBroker;
    let ada: AgentChatClient;
    afterEach(async () => {
      await ada.disconnect();
      await at.stop();
    });
    async function begin(): Promise<void> {
      at = await startBroker();
      ada = new AgentChatClient({ server: at.pan.replace(/pan$/, "agentchat"), name: "ada" });
      await ada.connect();
    }

    it("resolves to the broker's answer, many at once", async () => {
      await begin();
      const [made, channels, agents] = await Promise.all([
        ada.ask("room.create", { room: "#lab" }),
        ada.listChannels(),
        ada.ask("agents.list"),
      ]);
      expect(made).toEqual({
        kind: "room.create",
        message: "you made #lab",
        data: { room: "#lab", invite_only: false },
      });
      expect(channels).toContainEqual({ name: "#lab", agents: 1 });
      expect(agents.data).toMatchObject({ agents: [{ display_name: "ada", dialect: "agentchat", trust: "claimed" }] });
    });

    it("rejects with the server's refusal, and what cannot be asked at once", async () => {
      await begin();
      await expect(ada.ask("dance")).rejects.toMatchObject({ code: "INVALID_MSG", call: "ASK" });
      await expect(ada.ask("room.join", { room: "#no" })).rejects.toMatchObject({ code: "CHANNEL_NOT_FOUND" });
      await expect(ada.ask("")).rejects.toMatchObject({ code: "INVALID_MSG", message: /nothing was sent/ });
      await ada.ping();
    });

    it("says no number that JSON cannot write, and names where it stands", async () => {
      await begin();
      for (const [data, words] of [
        [{ prices: [1, NaN] }, "ASK: data.prices.1 is NaN, which is no number of JSON; say null, or a text"],
        [{ big: 1n }, "ASK: it cannot be written as JSON"],
      ] as const)
        await expect(ada.ask("ping", data)).rejects.toMatchObject({
          code: "INVALID_MSG",
          message: expect.stringMatching(new RegExp(`^${words}.*; nothing was sent$`)) as string,
        });
    });
  });

  describe("at a server that says what the test tells it to", () => {
    it("takes the answer that names it, whatever comes before, with the nulls that are in it", async () => {
      const { client, peer, end } = await fakeLine(5_000);
      const [first, second] = [client.ask("one"), client.ask("two", { wait_ms: 1 })];
      const [one, two] = [await peer.hears("ASK"), await peer.hears("ASK")];
      const listing = client.listChannels();
      await peer.hears("LIST_CHANNELS");
      peer.says(
        { type: "CHANNELS", list: [] },
        { type: "ANSWER", kind: "two", message: "2", ref: two["msg_id"], data: { nothing: null } },
        { type: "ERROR", code: "RATE_LIMITED", message: "slower", ref: one["msg_id"], retry_after: 7 },
      );
      expect(await listing).toEqual([]);
      expect(await second).toEqual({ kind: "two", message: "2", data: { nothing: null } });
      await expect(first).rejects.toMatchObject({ code: "RATE_LIMITED", retryAfterMs: 7, call: "ASK" });
      await end();
    });

    it("is not refused by what names nothing, as long as that can be about another call", async () => {
      const { client, peer, errors, end } = await fakeLine(500);
      const asked = client.ask("ping");
      const { msg_id: ref } = await peer.hears("ASK");
      const joining = client.join("#a");
      await peer.hears("JOIN");
      peer.says(
        { type: "ERROR", code: "INVALID_MSG", message: "no such channel name" },
        { type: "ANSWER", kind: "ping", message: "pong", ref },
      );
      await expect(joining).rejects.toMatchObject({ code: "INVALID_MSG" });
      expect(await asked).toMatchObject({ message: "pong" });
      const again = client.ask("ping");
      await peer.hears("ASK");
      peer.says({ type: "ERROR", code: "INVALID_MSG", message: "unknown type" });
      await expect(again).rejects.toMatchObject({ code: "INVALID_MSG" });
      await expect(client.ask("ping", {}, { timeoutMs: 20 })).rejects.toMatchObject({ code: "TIMEOUT", call: "ASK" });
      expect(errors).toEqual([]);
      await end();
    });
  });
});
