import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually, startBroker, type TestBroker } from "../kit/broker.js";
import { ChatWire } from "../kit/chat-wire.js";
import { PanWire, panToken } from "../kit/pan-wire.js";
import { PlainAgent } from "../kit/plain-agent.js";
import { issueToken } from "../kit/tokens.js";

/** How a session is ended because its name has an owner now. */
const taken = { code: 4409, reason: expect.stringMatching(/has an owner|looks like/) as string };

describe("a session whose name gets an owner while it is here", () => {
  let at: TestBroker;
  let shared: string;
  const open: { close(): void }[] = [];
  const keep = <T extends { close(): void }>(thing: T): T => {
    open.push(thing);
    return thing;
  };
  const pan = async (name: string, token = shared): Promise<PanWire> => keep(await PanWire.login(at.pan, name, token));

  beforeEach(async () => {
    at = await startBroker({ limits: { zmqNamingMs: 10 } });
    shared = panToken(at.dataDir);
  });
  afterEach(async () => {
    for (const thing of open.splice(0)) thing.close();
    await at.stop();
  });

  it.each(["bob", "bоb", "BOB", "ｂob"])("loses it in PAN when a token is issued for bob: %s", async (name) => {
    const bot = await pan(name);
    const bystander = await pan("bobby");
    await issueToken(at.dataDir, "bob", "ws");
    expect(await bot.hears("error")).toMatchObject({
      message: expect.stringMatching(/bob has an owner|looks like bob/) as string,
    });
    expect(await bot.closed).toMatchObject(taken);
    await bystander.settled();
  });

  it("loses it in AgentChat", async () => {
    const wire = await ChatWire.open(at.pan.replace(/pan$/, "agentchat"));
    keep(wire).say({ type: "IDENTIFY", name: "guest" });
    const { agent_id: id } = await wire.hears(({ type }) => type === "WELCOME");
    const closed = new Promise((resolve) => wire.socket.on("close", resolve));
    await issueToken(at.dataDir, String(id).slice(1).toUpperCase());
    expect(await wire.hears(({ type }) => type === "ERROR")).toMatchObject({ code: "SESSION_DISPLACED" });
    expect(await closed).toBe(4409);
  });

  it("loses it on ZeroMQ, where the connection stays", async () => {
    const agent = await keep(new PlainAgent("BOB", at)).meet();
    await issueToken(at.dataDir, "bob");
    await eventually(() => at.broker.status().agents === 0, "BOB is no agent any more");
    expect(at.broker.status().connections).toMatchObject({ zmqIn: 1, zmqOut: 1 });
    expect(agent.name).toBe("BOB");
  });

  it("loses it at once when somebody proves it on ZeroMQ", async () => {
    const bot = await pan("owner");
    const token = await issueToken(at.dataDir, "owner");
    const owner = await keep(new PlainAgent("owner", at, { token })).meet();
    const known = await owner.asks("agents.list");
    expect(JSON.stringify(known)).not.toContain('"pan"');
    expect(await bot.closed).toMatchObject(taken);
  });

  it("keeps it if it proves it itself", async () => {
    const bot = await pan("bob", await issueToken(at.dataDir, "bob", "ws"));
    const twin = await pan("rob");
    await issueToken(at.dataDir, "bob");
    await issueToken(at.dataDir, "ROB");
    expect(await twin.closed).toMatchObject(taken);
    await bot.settled();
  });
});
