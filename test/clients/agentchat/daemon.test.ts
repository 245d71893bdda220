import { appendFileSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  AgentChatDaemon,
  getDaemonStatus,
  isDaemonRunning,
  type AgentChatDaemonOptions,
} from "../../../clients/typescript/agentchat/daemon.js";
import { generateIdentity, writeIdentity } from "../../../clients/typescript/agentchat/identity-file.js";
import { eventually, startBroker, type TestBroker } from "../../kit/broker.js";
import { ChatWire } from "../../kit/chat-wire.js";
import { blockAppends, FakeClient, jsonLines, refusal, tempDir } from "./daemon-world.js";

describe("the daemon", () => {
  let temp: Awaited<ReturnType<typeof tempDir>>;
  const daemons: AgentChatDaemon[] = [];
  const clients: FakeClient[] = [];
  const wires: ChatWire[] = [];
  let at: TestBroker | undefined;
  beforeEach(async () => {
    temp = await tempDir();
  });
  afterEach(async () => {
    await Promise.all(daemons.splice(0).map((one) => one.stop()));
    for (const wire of wires.splice(0)) wire.socket.terminate();
    clients.splice(0);
    await at?.stop();
    at = undefined;
    await temp.remove();
  });

  function daemon(options: Partial<AgentChatDaemonOptions> = {}): AgentChatDaemon {
    const made = new AgentChatDaemon({ server: "ws://nowhere", dir: temp.dir, pollMs: 100, ...options });
    daemons.push(made);
    return made;
  }
  /** A daemon whose clients are fakes; `prepare` sees each before it connects. */
  function faked(
    options: Partial<AgentChatDaemonOptions> = {},
    prepare: (client: FakeClient) => void = () => undefined,
  ): AgentChatDaemon {
    return daemon({
      clientFactory: (told, hears) => {
        const client = new FakeClient(told, hears);
        prepare(client);
        clients.push(client);
        return client;
      },
      ...options,
    });
  }
  const chatUrl = (): string => (at?.pan ?? "").replace(/pan$/, "agentchat");
  async function enter(name: string): Promise<ChatWire> {
    const wire = await ChatWire.enter(chatUrl(), name);
    wires.push(wire);
    return wire;
  }
  const line = (to: string, content: string): string => `${JSON.stringify({ to, content })}\n`;
  const inbox = (of: AgentChatDaemon): unknown[] => jsonLines(of.paths.inbox);
  const log = (of: AgentChatDaemon): unknown[] => jsonLines(of.paths.log).map(({ event }) => event);

  it("hears its channels and says what is in its outbox, in the document's formats, against our broker", async () => {
    at = await startBroker();
    const mine = daemon({ server: chatUrl(), name: "agent1" });
    await mine.start();
    const ada = await enter("ada");
    ada.say({ type: "JOIN", channel: "#general" });
    await ada.hears(({ type }) => type === "JOINED");
    ada.say({ type: "MSG", to: "#general", content: "Hello" });
    ada.say({ type: "MSG", to: mine.agentId ?? "", content: "for you" });
    appendFileSync(mine.paths.outbox, line("#general", "Hello from daemon!") + line(ada.id, "Private message"));
    expect(await ada.text("Hello from daemon!")).toMatchObject({
      to: "#general",
      from: mine.agentId,
      from_name: "agent1",
    });
    expect(await ada.text("Private message")).toMatchObject({ to: ada.id });
    await eventually(() => inbox(mine).length >= 5, "the inbox is written");
    expect(inbox(mine)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          type: "AGENT_JOINED",
          channel: "#general",
          agent: ada.id,
          ts: expect.any(Number) as number,
        }),
        expect.objectContaining({
          type: "MSG",
          from: ada.id,
          to: "#general",
          content: "Hello",
          ts: expect.any(Number) as number,
        }),
        expect.objectContaining({ type: "MSG", from: ada.id, to: mine.agentId, content: "for you" }),
      ]),
    );
    expect(getDaemonStatus("agent1", temp.dir)).toMatchObject({ running: true, unsentBytes: 0 });
  });

  it("is the agent of its identity, signs, and takes its name from it", async () => {
    at = await startBroker();
    const identity = join(temp.dir, "identity.json");
    await writeIdentity(identity, generateIdentity("keeper"));
    const mine = daemon({ server: chatUrl(), identity, echo: false });
    await mine.start();
    expect(mine.agentId).toMatch(/^@[0-9a-f]{16}$/);
    const ada = await enter("ada");
    ada.say({ type: "JOIN", channel: "#general" });
    await ada.hears(({ type }) => type === "JOINED");
    appendFileSync(mine.paths.outbox, line("#general", "signed"));
    expect(await ada.text("signed")).toMatchObject({ from: mine.agentId, from_name: "keeper", verified: true });
    await eventually(() => getDaemonStatus("default", temp.dir).unsentBytes === 0, "it is confirmed");
    expect(inbox(mine)).not.toContainEqual(expect.objectContaining({ content: "signed" }));
  });

  it("says nothing twice to our broker when it has forgotten that it was taken", async () => {
    at = await startBroker();
    const first = daemon({ server: chatUrl() });
    await first.start();
    const ada = await enter("ada");
    ada.say({ type: "JOIN", channel: "#general" });
    await ada.hears(({ type }) => type === "JOINED");
    const { outbox, progress } = first.paths;
    await eventually(() => statSync(progress).size > 0, "the outbox is known");
    const before = readFileSync(progress);
    appendFileSync(outbox, line("#general", "once"));
    await ada.text("once");
    await first.stop();
    writeFileSync(progress, before);
    await daemon({ server: chatUrl() }).start();
    appendFileSync(outbox, line("#general", "then"));
    await ada.text("then");
    expect(ada.frames.filter((frame) => frame["content"] === "once")).toEqual([]);
  });

  it("takes lines of two writers, a half line, and an outbox put in the place of another", async () => {
    const mine = faked();
    await mine.start();
    const { outbox } = mine.paths;
    const said = (): (string | undefined)[] => clients.flatMap(({ sent }) => sent.map(({ content }) => content));
    for (let n = 0; n < 3; n += 1) {
      appendFileSync(outbox, line("#general", `ada ${n}`));
      appendFileSync(outbox, line("#general", `bob ${n}`));
    }
    const whole = line("#general", "late");
    appendFileSync(outbox, whole.slice(0, 20));
    await eventually(() => said().length === 6, "six are sent");
    appendFileSync(outbox, whole.slice(20));
    await eventually(() => said().length === 7, "the half line is whole");
    writeFileSync(`${outbox}.mine`, line("#general", "ada 0") + line("#general", "ada 3"));
    renameSync(`${outbox}.mine`, outbox);
    await eventually(() => said().length === 8, "the new file is sent");
    expect(said()).toEqual(["ada 0", "bob 0", "ada 1", "bob 1", "ada 2", "bob 2", "late", "ada 3"]);
    expect(new Set(clients.flatMap(({ sent }) => sent.map(({ id }) => id))).size).toBe(8);
  });

  it("starts without its server, and sends what waits once that is there", async () => {
    const mine = faked({}, (client) => {
      if (clients.length < 2) client.failures.connect.push(refusal("CLOSED"));
    });
    await mine.start();
    expect(isDaemonRunning("default", temp.dir)).toBe(true);
    appendFileSync(mine.paths.outbox, line("#general", "waits"));
    await eventually(() => clients.some(({ sent }) => sent.length === 1), "it connects and sends");
    expect(log(mine)).toEqual(["daemon started", "connects again", "connects again", "connected", "sent"]);
    expect(clients.at(-1)?.joined).toEqual(["#general", "#agents"]);
  });

  it("comes back into its channels when the line is lost, and is heard again", async () => {
    const mine = faked({ channels: ["#one", "#two"] });
    await mine.start();
    clients[0]?.hears.closed({ code: 1006 });
    expect(mine.agentId).toBeUndefined();
    await eventually(() => mine.agentId !== undefined, "it is back");
    expect(clients.map(({ joined }) => joined)).toEqual([
      ["#one", "#two"],
      ["#one", "#two"],
    ]);
    clients[1]?.hears.event({ type: "MSG", content: "back" });
    await eventually(() => inbox(mine).length === 1, "it hears");
  });

  it("waits when joining is too much at once, and goes on without a channel that is not there", async () => {
    const mine = faked({ channels: ["#one", "#gone", "#two"] }, ({ failures }) => {
      failures.join.push(refusal("RATE_LIMITED", { retryAfterMs: 5 }), undefined, refusal("CHANNEL_NOT_FOUND"));
    });
    await mine.start();
    expect(clients[0]?.joined).toEqual(["#one", "#one", "#gone", "#two"]);
    expect(jsonLines(mine.paths.log)).toContainEqual(
      expect.objectContaining({ channel: "#gone", code: "CHANNEL_NOT_FOUND" }),
    );
  });

  it("does not start with an identity that is not there, and leaves no pid file", async () => {
    const mine = daemon({ identity: join(temp.dir, "none.json") });
    await expect(mine.start()).rejects.toMatchObject({ code: "IDENTITY_MISSING" });
    expect(isDaemonRunning("default", temp.dir)).toBe(false);
    await expect(mine.start()).rejects.toThrow(/make a new one/);
  });

  it("does not start on a damaged record of its outbox", async () => {
    const mine = faked();
    await mine.start();
    await mine.stop();
    writeFileSync(mine.paths.progress, "{");
    await expect(faked().start()).rejects.toThrow(/is damaged/);
    expect(getDaemonStatus("default", temp.dir)).not.toHaveProperty("unsentBytes");
    expect(isDaemonRunning("default", temp.dir)).toBe(false);
  });

  it("finishes the message under way when it is stopped, and leaves no listener behind", async () => {
    const listeners = process.listenerCount("SIGTERM");
    const mine = faked();
    await mine.start();
    expect(process.listenerCount("SIGTERM")).toBe(listeners + 1);
    const sent = new Promise<void>((resolve) => {
      const [client] = clients;
      if (client !== undefined)
        client.onSend = () => {
          resolve();
        };
    });
    appendFileSync(mine.paths.outbox, line("#general", "last words"));
    await sent;
    await mine.stop();
    expect(await mine.ended).toBeUndefined();
    expect(process.listenerCount("SIGTERM")).toBe(listeners);
    await faked().start();
    expect(clients.at(-1)?.sent).toEqual([]);
    expect(log(mine).slice(0, 4)).toEqual(["daemon started", "connected", "sent", "daemon stopped"]);
  });

  it("goes on, and writes all of it later, when the disk of its inbox is full for a while", async () => {
    const mine = faked();
    await mine.start();
    const lift = blockAppends(mine.paths.inbox);
    for (let n = 0; n < 3; n += 1) clients[0]?.hears.event({ n });
    await eventually(() => log(mine).includes("inbox cannot be written; what is heard waits"), "it is said");
    lift();
    await eventually(() => inbox(mine).length === 3, "it is written");
  });
});
