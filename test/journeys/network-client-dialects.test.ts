import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PanClient } from "../../clients/typescript/pan/client.js";
import { eventually } from "../kit/broker.js";
import { PartyWorld } from "../kit/network-party.js";

describe("a client of Agent Network and agents of other dialects", () => {
  let world: PartyWorld;
  let pan: PanClient;
  beforeEach(async () => {
    world = await PartyWorld.start({ limits: { networkRatePerSecond: 1_000, networkRateBurst: 1_000 } });
    pan = new PanClient({ url: world.world.at.pan, agentId: "trader", token: await world.world.token("trader") });
    await pan.connect();
  });
  afterEach(async () => {
    await pan.close();
    await world.stop();
  });

  it("speak in plain text where the application says so, and ask and answer each other", async () => {
    const alice = await world.login("agent_alice");
    pan.on("chat", ({ from, text, messageId }) => {
      pan.say(from, `you asked: ${text}`, { intent: "response", ...(messageId && { replyTo: messageId }) });
    });
    const plain = { plain: true };
    expect(await alice.socket.query("trader", "CUSTOM", { text: "the price?" }, plain)).toMatchObject({
      text: "you asked: the price?",
    });
    expect(await alice.socket.propose("trader", { title: "Lunch" }, plain)).toMatchObject({ status: "ANSWERED" });
    pan.say("agent_alice", "and you?", { intent: "request" });
    const asked = await alice.heard.next(({ messageType }) => messageType === "QUERY");
    expect(asked).toMatchObject({ sealed: false, verified: false, content: { parameters: { text: "and you?" } } });
    const answered = new Promise((resolve) =>
      pan.once("chat", ({ text }) => {
        resolve(text);
      }),
    );
    await alice.socket.respond(asked, { data: { text: "fine" } }, plain);
    expect(await answered).toBe("fine");
    await eventually(() => alice.socket.pendingMessages.size === 0, "all are delivered by their ACK");
  });

  it("never fall back to plain text: what is sealed for one of them fails, and the remedy is told", async () => {
    const alice = await world.login("agent_alice");
    const heard: string[] = [];
    pan.on("chat", ({ text }) => heard.push(text));
    await expect(alice.socket.query("trader", "CUSTOM", { text: "secret" })).rejects.toThrow(/plain: true/);
    await alice.socket.inform("trader", "said openly", {}, { plain: true });
    await eventually(() => heard.length > 0, "it is heard");
    expect(heard).toEqual(["said openly"]);
  });

  it("meet in rooms, in which the client is again after a loss of its connection", async () => {
    const [alice, bob] = [await world.login("agent_alice"), await world.login("agent_bob")];
    expect((await alice.socket.ask("ROOM_JOIN", { room: "#lab" })).data).toMatchObject({ members: ["agent_alice"] });
    await bob.socket.ask("ROOM_JOIN", { room: "#lab" });
    await pan.join("#lab");
    await bob.socket.inform("#lab", "to all of you", {}, { plain: true });
    expect(await alice.hears("to all of you")).toMatchObject({ recipientId: "#lab", sealed: false });
    await alice.opens.next();
    alice.socket.socket?.terminate?.();
    await alice.opens.next();
    await eventually(async () => {
      const { data } = await bob.socket.ask("ROOM_JOIN", { room: "#lab" });
      return (data as { members: string[] }).members.includes("agent_alice");
    }, "Alice is back in the room");
    pan.say("#lab", "from another dialect");
    expect(await alice.hears("from another dialect")).toMatchObject({ senderId: "trader", messageType: "INFORM" });
  });

  it("ask the broker, and are told by its error what is wrong", async () => {
    const alice = await world.login("agent_alice");
    expect(JSON.stringify((await alice.socket.ask("agents.list")).data)).toContain("trader");
    await expect(alice.socket.ask("agents.lst")).rejects.toMatchObject({ code: "INVALID_PARAMETERS" });
    const away = await world.party("agent_away");
    await expect(away.socket.ask("agents.list")).rejects.toMatchObject({ code: "CONNECTION_ERROR" });
  });
});
