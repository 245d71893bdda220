import { once as heard } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import { PanClient, PanError } from "../../../clients/typescript/pan/client.js";
import { startBroker, type TestBroker } from "../../kit/broker.js";
import { PanWire, panToken } from "../../kit/pan-wire.js";
import { issueToken } from "../../kit/tokens.js";

describe("the PAN client", () => {
  let at: TestBroker;
  const clients: PanClient[] = [];
  async function client(agentId: string, token = panToken(at.dataDir), url = at.pan): Promise<PanClient> {
    const made = new PanClient({ url, agentId, token });
    clients.push(made);
    await made.connect();
    return made;
  }
  const once = async (from: PanClient, event: string): Promise<unknown> => (await heard(from, event))[0] as unknown;
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((made) => made.close()));
    await at.stop();
  });

  it("talks, joins, lists and leaves", async () => {
    at = await startBroker();
    const [ada, bob] = [await client("ada"), await client("bob")];
    bob.on("chat", ({ from, text, messageId }) => {
      bob.say(from, `you said ${text}`, messageId === undefined ? {} : { replyTo: messageId });
    });
    const answered = once(ada, "chat");
    ada.say("bob", "hello");
    expect(await answered).toMatchObject({ from: "bob", text: "you said hello", intent: "response" });
    await ada.join("#lab");
    const came = once(ada, "system");
    await bob.join("#lab");
    expect(await came).toMatchObject({ status: "agent_joined", agentId: "bob", room: "#lab" });
    expect((await ada.list()).map(({ id }) => id)).toEqual(["ada", "bob"]);
    await ada.leave("#lab");
    const refused = once(ada, "refused");
    ada.say("ghost", "?");
    expect(await refused).toMatchObject({ code: "AGENT_NOT_FOUND" });
  });

  it("never mixes up the answers of calls in flight", async () => {
    at = await startBroker({ limits: { panRatePerSecond: 0 } });
    const ada = await client("ada");
    const results = await Promise.allSettled([
      ada.join("#one"),
      ada.list(),
      ada.join("#two"),
      ada.leave("#one"),
      ada.list(),
      ada.join("no room"),
    ]);
    expect(results.map(({ status }) => status)).toEqual([
      "fulfilled",
      "fulfilled",
      "fulfilled",
      "fulfilled",
      "fulfilled",
      "rejected",
    ]);
    expect(results[5]).toMatchObject({ reason: { code: "INVALID_FORMAT" } });
  });

  it("rejects a wrong token and a server that is not there, with what to check", async () => {
    at = await startBroker();
    await expect(client("ada", "wrong")).rejects.toMatchObject({ code: "AUTH_FAILED" });
    await expect(client("ada", "x", "ws://127.0.0.1:9/pan")).rejects.toThrow(/is the server running/);
    expect(new PanError("X", "y")).toBeInstanceOf(Error);
  });

  it("comes back by itself after a restart, in its rooms", async () => {
    at = await startBroker();
    const ada = await client("ada");
    await ada.join("#lab");
    const port = Number(new URL(at.pan).port);
    const back = once(ada, "open");
    await at.broker.stop();
    const before = at;
    at = await startBroker({ dataDir: before.dataDir, ws: [`127.0.0.1:${port}`] });
    await back;
    const bob = await PanWire.login(at.pan, "bob", panToken(at.dataDir));
    const welcome = once(ada, "chat");
    bob.say({ type: "chat", to: "#lab", text: "welcome back" });
    expect(await welcome).toMatchObject({ to: "#lab", text: "welcome back" });
    bob.close();
    const { rm } = await import("node:fs/promises");
    await Promise.all(clients.splice(0).map((made) => made.close()));
    await at.broker.stop();
    await rm(before.dataDir, { recursive: true, force: true });
  });

  it("comes back into more rooms than the burst of the rate limit", async () => {
    at = await startBroker({ limits: { panRatePerSecond: 0 } });
    const ada = await client("ada");
    await Promise.all(Array.from({ length: 12 }, (_, n) => ada.join(`#r${n}`)));
    const refused: unknown[] = [];
    ada.on("refused", (event) => refused.push(event));
    const back = once(ada, "open");
    const before = at;
    await before.broker.stop();
    at = await startBroker({
      dataDir: before.dataDir,
      ws: [new URL(before.pan).host],
      limits: { panRatePerSecond: 20 },
    });
    await back;
    expect(refused).toEqual([]);
    await Promise.all(clients.splice(0).map((made) => made.close()));
    await at.stop();
    await before.stop();
  });

  it.each(["", "x".repeat(513)])("refuses a malformed chat itself, so that no call pays for it", async (to) => {
    at = await startBroker();
    const ada = await client("ada");
    const refused = once(ada, "refused");
    ada.say(to, "hello", { messageId: "m1" });
    await ada.join("#lab");
    expect(await refused).toMatchObject({ code: "INVALID_FORMAT", messageId: "m1" });
  });

  it("does not come back once it has been displaced", async () => {
    at = await startBroker();
    const own = await issueToken(at.dataDir, "ada", "ws");
    const first = await client("ada", own);
    let tries = 0;
    first.on("reconnecting", () => (tries += 1));
    const closed = once(first, "close");
    const second = await client("ada", own);
    expect(await closed).toMatchObject({ code: 4409 });
    await second.list();
    expect(tries).toBe(0);
  });
});
