import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  AgentChatClient,
  type AgentChatClientEvents,
  type AgentChatClientOptions,
} from "../../../clients/typescript/agentchat/client.js";
import { AgentChatDaemon } from "../../../clients/typescript/agentchat/daemon.js";
import { agentIdOf, generateIdentity, writeIdentity } from "../../../clients/typescript/agentchat/identity-file.js";
import { appendFile } from "node:fs/promises";
import { eventually, startBroker, type TestBroker } from "../../kit/broker.js";
import { PemServer } from "../../kit/pem-server.js";
import { jsonLines } from "./daemon-world.js";
import { told } from "./fake-server.js";

describe("the AgentChat client with a mailbox (AgentChat §14)", () => {
  let at: TestBroker;
  let server: string;
  const ends: (() => unknown)[] = [];
  beforeEach(async () => {
    const started = await startBroker({ limits: { agentchatRatePerSecond: 0 } });
    at = started;
    server = at.pan.replace(/pan$/, "agentchat");
    ends.push(() => started.stop());
  });
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });
  /** A client that is not connected yet. */
  const made = (options: Partial<AgentChatClientOptions>): AgentChatClient => {
    const client = new AgentChatClient({ server, ...options });
    ends.push(() => client.disconnect());
    return client;
  };
  /** A file with an identity of its own. */
  async function identityOf(name: string): Promise<{ readonly identity: string; readonly id: string }> {
    const identity = generateIdentity(name);
    const path = join(at.dataDir, `${name}.json`);
    await writeIdentity(path, identity);
    return { identity: path, id: agentIdOf(identity) };
  }
  const state = (client: AgentChatClient, wanted: string): Promise<AgentChatClientEvents["delivery"][0]> =>
    new Promise((resolve) => {
      client.on("delivery", (delivery) => {
        if (delivery.state === wanted) resolve(delivery);
      });
    });

  it("opens it, hears with its marks what was said while it was away, and the sender hears what became of it", async () => {
    const { identity, id } = await identityOf("bob");
    const bob = made({ identity, mailbox: { keep_s: 60 } });
    const opened = told(bob, "mailbox");
    await bob.connect();
    expect(await opened).toMatchObject({ kind: "mailbox.open", data: { agent: id.slice(1), keep_s: 60 } });
    await bob.disconnect();
    const ada = made({ name: "ada" });
    await ada.connect();
    const [stored, answered] = [state(ada, "stored"), state(ada, "answered")];
    const msgId = await ada.send(id, "are you there?", { receipt: true });
    expect(await stored).toMatchObject({ msg_ids: [msgId], until: expect.any(Number) as number });
    const heard = told(bob, "message");
    await bob.connect();
    expect(await heard).toMatchObject({ content: "are you there?", stored_at: expect.any(String) as string });
    await eventually(
      async () => (await bob.ask("mailbox.status")).message.startsWith("0 messages wait"),
      "it is handed over",
    );
    await bob.send(ada.agentId ?? "", "yes", { inReplyTo: msgId });
    expect(await answered).toMatchObject({ msg_ids: [msgId] });
  });

  it("opens it again at each reconnect", async () => {
    const { identity } = await identityOf("bob");
    const bob = made({ identity, mailbox: true });
    await bob.connect();
    const again = told(bob, "mailbox");
    const dataDir = at.dataDir;
    const port = Number(new URL(server).port);
    await at.broker.stop();
    const restarted = await startBroker({ dataDir, ws: [`127.0.0.1:${String(port)}`] });
    ends.push(() => restarted.stop());
    expect(await again).toMatchObject({ kind: "mailbox.open" });
  });

  it("tells as an error that an agent without a key has none, and is connected", async () => {
    const ada = made({ name: "ada", mailbox: true });
    const error = told(ada, "error");
    await ada.connect();
    expect(await error).toMatchObject({ code: "NOT_INVITED", ref: "IDENTIFY" });
    expect(ada.connected).toBe(true);
    await ada.ping();
  });

  it.each(["plain", "proving"] as const)("works at a %s server of other makers, which knows none", async (kind) => {
    const other = await PemServer.start(kind);
    ends.push(() => other.stop());
    const { identity } = await identityOf("bob");
    const bob = made({ server: other.url, identity, mailbox: true });
    const heard: unknown[] = [];
    bob.on("error", (error) => heard.push(error));
    bob.on("mailbox", (answer) => heard.push(answer));
    await bob.connect();
    await bob.join("#general");
    await bob.deliver("#general", "hello", { receipt: true });
    expect(heard).toEqual([]);
  });

  it("is the daemon's, whose inbox notes when what it hears was stored and what became of what it said", async () => {
    const { identity, id } = await identityOf("bob");
    const daemon = async (): Promise<AgentChatDaemon> => {
      const started = new AgentChatDaemon({
        server,
        name: "bob",
        identity,
        mailbox: true,
        echo: false,
        dir: at.dataDir,
        handleSignals: false,
        pollMs: 20,
      });
      ends.push(() => started.stop());
      await started.start();
      return started;
    };
    const first = await daemon();
    await first.stop();
    const ada = made({ identity: (await identityOf("ada")).identity, mailbox: true });
    await ada.connect();
    await ada.deliver(id, "while you were away");
    await ada.disconnect();
    const again = await daemon();
    const inbox = (): Readonly<Record<string, unknown>>[] => jsonLines(again.paths.inbox);
    await eventually(() => inbox().some(({ content }) => content === "while you were away"), "the inbox has it");
    expect(inbox().find(({ type }) => type === "MSG")).toMatchObject({ stored_at: expect.any(String) as string });
    await appendFile(again.paths.outbox, `${JSON.stringify({ to: ada.agentId, content: "later", receipt: true })}\n`);
    await eventually(() => inbox().some(({ type }) => type === "DELIVERY"), "the inbox tells that it is stored");
    expect(inbox().find(({ type }) => type === "DELIVERY")).toMatchObject({ state: "stored" });
  });

  it("is back in its channels without joining them when the mailbox says rooms: true, also after a restart", async () => {
    const { identity, id } = await identityOf("bob");
    const bob = made({ identity, mailbox: { rooms: true } });
    await bob.connect();
    await bob.join("#general");
    const back = told(bob, "open");
    const dataDir = at.dataDir;
    const port = Number(new URL(server).port);
    await at.broker.stop();
    const restarted = await startBroker({ dataDir, ws: [`127.0.0.1:${String(port)}`] });
    ends.push(() => restarted.stop());
    const ada = made({ name: "ada" });
    await ada.connect();
    expect(await ada.join("#general")).toContain(id);
    await back;
    expect([...bob.channels]).toEqual(["#general"]);
    const heard = told(bob, "message");
    await ada.send("#general", "welcome back");
    expect(await heard).toMatchObject({ content: "welcome back" });
    await bob.disconnect();
    const again = made({ identity });
    await again.connect();
    await eventually(() => again.channels.has("#general"), "a new program is told its channels");
    expect(await again.listAgents("#general")).toContain(id);
  });
});
