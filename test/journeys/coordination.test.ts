import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startBroker, type TestBroker } from "../kit/broker.js";
import { ChatWire } from "../kit/chat-wire.js";
import { startProgram } from "../kit/cli.js";
import { NetworkAgent } from "../kit/network-agent.js";
import { PanWire, panToken } from "../kit/pan-wire.js";
import { PlainAgent, type WireMessage } from "../kit/plain-agent.js";

const proposal = { type: "resource_allocation", details: { cpu: 4, memory: "8GB" } };
const script = fileURLToPath(new URL("../interop/voter.py", import.meta.url));

describe("a consensus of agents of every dialect", () => {
  let at: TestBroker;
  const open: { close(): unknown }[] = [];
  const keep = <T extends { close(): unknown }>(thing: T): T => {
    open.push(thing);
    return thing;
  };
  beforeEach(async () => {
    at = await startBroker();
  });
  afterEach(async () => {
    for (const thing of open.splice(0)) await thing.close();
    await at.stop();
  });

  const plain = (name: string): Promise<PlainAgent> => keep(new PlainAgent(name, at)).meet();
  const pan = async (name: string): Promise<PanWire> => keep(await PanWire.login(at.pan, name, panToken(at.dataDir)));
  const chat = async (name: string): Promise<ChatWire> =>
    keep(await ChatWire.enter(at.pan.replace(/pan$/, "agentchat"), name));
  const network = async (name: string): Promise<NetworkAgent> => keep(await NetworkAgent.enter(at, name));
  const plan = (voters: readonly string[], more: object = {}): Record<string, unknown> => ({
    pattern: "CONSENSUS",
    participants: voters.map((id) => ({ id, role: "voter" })),
    parameters: { consensusThreshold: 0.66, timeout: 60_000, proposal, ...more },
  });
  const hearsResult = async (agent: PlainAgent): Promise<Record<string, unknown>> => {
    const { message } = await agent.hears(({ message: { content } }) => content["kind"] === "coordination.result");
    return message.content["data"] as Record<string, unknown>;
  };

  it("is voted on by each in its document's own words", async () => {
    const python = startProgram("/usr/bin/python3", [script, "snake", at.zmqIn, at.zmqOut, "Approve."]);
    try {
      await python.prints(/ready/);
      const [ada, watcher] = [await plain("ada"), await plain("watcher")];
      const [bot, talker, agent] = [await pan("bot"), await chat("talker"), await network("agent")];
      const chatName = talker.id.slice(1);
      const participants = ["snake", "bot", chatName, "agent"].map((id) => ({ id, role: "voter" }));
      const started = await ada.asks("coordination.start", {
        ...plan([]),
        participants: [...participants, { id: "watcher", role: "observer" }],
      });
      const { coordinationId } = started.content["data"] as { coordinationId: string };
      expect(started.content["data"]).toMatchObject({ pattern: "CONSENSUS", absent: [] });

      const asked = { coordinationId, pattern: "CONSENSUS", proposal, threshold: 0.66, timeout: 60_000 };
      const options = ["approve", "reject", "abstain"];
      const seen = await watcher.hears(({ message }) => message.content["kind"] === "coordination.vote");
      expect(seen.message).toMatchObject({ type: "inform", content: { data: { ...asked, role: "observer" } } });

      await python.prints(/ada asks for your vote on a proposal of its own: .*resource_allocation.*approve, reject or/);
      const ofBot = await bot.hears((frame) => frame["from"] === "$broker");
      expect(ofBot).toMatchObject({ type: "chat", intent: "request", data: { ...asked, role: "voter", options } });
      bot.say({ type: "chat", to: String(ofBot["from"]), text: "approve, it is cheap" });

      const ofTalker = await talker.hears(({ from }) => from === "@server");
      expect(ofTalker["content"]).toContain(JSON.stringify(proposal));
      talker.say({ type: "MSG", to: String(ofTalker["from"]), content: "**REJECT**: too much" });

      const { content } = await agent.hearsOf("system", "QUERY");
      expect(content["parameters"]).toMatchObject({ kind: "coordination.vote", data: { ...asked, role: "voter" } });
      const vote = agent.say("system", "RESPONSE", {
        requestId: content["requestId"],
        data: { vote: "approve" },
        error: null,
      });
      await agent.hears(
        ({ messageType, content: { messageId } }) => messageType === "ACK" && messageId === vote.messageId,
      );

      const result = await hearsResult(ada);
      expect(result).toMatchObject({
        coordinationId,
        pattern: "CONSENSUS",
        status: "APPROVED",
        votes: { snake: { vote: "approve" }, bot: { vote: "approve" }, agent: { vote: "approve" } },
        result: { approve: 3, voters: 4, needed: 3 },
      });
      expect(await hearsResult(watcher)).toEqual(result);
      expect((await bot.hears(({ text }) => String(text).includes("is approved")))["intent"]).toBe("inform");
    } finally {
      await python.stop("SIGTERM");
    }
  });

  it("is started by each, and each hears what became of it", async () => {
    const [voter, bot, talker, agent] = [
      await plain("voter"),
      await pan("bot"),
      await chat("talker"),
      await network("agent"),
    ];
    const hearsVote = async (): Promise<WireMessage> =>
      (await voter.hears(({ message }) => message.type === "request")).message;

    bot.say({ type: "ask", kind: "coordination.start", data: plan(["voter"]), messageId: "q1" });
    expect(await bot.hears("answer")).toMatchObject({ replyTo: "q1", data: { absent: [] } });
    expect((await hearsVote()).content["data"]).toMatchObject({ initiator: { id: "bot", trust: "shared" } });
    await voter.send("$broker", "response", "reject");
    expect(await bot.hears((frame) => frame["intent"] === "inform")).toMatchObject({ data: { status: "REJECTED" } });

    talker.say({ type: "ASK", kind: "coordination.start", data: plan(["voter"]), msg_id: "q2" });
    expect(await talker.hears(({ type }) => type === "ANSWER")).toMatchObject({ ref: "q2" });
    const byId = await hearsVote();
    await voter.send("$broker", "response", "as you like", {
      in_reply_to: byId.message_id,
      content: { message: "as you like", data: { vote: "Approve" } },
    });
    expect(await talker.hears(({ content }) => String(content).includes("is approved"))).toMatchObject({
      from: "@server",
    });

    expect(await agent.asks("coordination.start", plan(["voter"]))).toMatchObject({
      error: null,
      data: { absent: [] },
    });
    await hearsVote();
    await voter.send("$broker", "response", "abstain");
    const { content } = await agent.hearsOf("system", "INFORM");
    expect(content).toMatchObject({ kind: "coordination.result", data: { status: "REJECTED" } });
  });

  it("waits for whoever is away and has a mailbox, and for nobody else", async () => {
    const ada = await plain("ada");
    const away = await plain("away");
    expect((await away.asks("mailbox.open", {})).content["kind"]).toBe("mailbox.open");
    away.close();
    const { content } = await ada.asks(
      "coordination.start",
      plan(["away", "gone", "ada"], { consensusThreshold: 0.5 }),
    );
    expect(content["data"]).toMatchObject({ absent: ["gone"] });
    await ada.hears(({ message }) => message.type === "request");
    await ada.send("$broker", "response", "approve");

    const back = await plain("away");
    await back.hears(({ message: { content: asked } }) => asked["kind"] === "coordination.vote");
    await back.send("$broker", "response", "Approve!");
    expect(await hearsResult(ada)).toMatchObject({
      status: "APPROVED",
      votes: { away: { vote: "approve" }, gone: { vote: "absent" }, ada: { vote: "approve" } },
    });
  });

  it("is one of those that agents announce themselves, who alone say what becomes of theirs", async () => {
    const [ada, eve] = [await plain("ada"), await plain("eve")];
    const says = async (from: PlainAgent, kind: string, data: object): Promise<WireMessage> =>
      from.send("$telemetry", "inform", kind, { content: { message: kind, kind, data } });
    const participants = [{ id: "eve", role: "bidder" }];
    await says(ada, "coordination.initiated", { coordinationId: "c1", pattern: "AUCTION", participants });
    await says(ada, "coordination.progress", {
      coordinationId: "c1",
      progress: 0.5,
      status: "BIDDING",
      bids: { eve: 3 },
    });
    await ada.settled();
    expect((await eve.asks("coordination.status", { coordinationId: "c1" })).content["data"]).toMatchObject({
      initiated: { coordinationId: "c1", pattern: "AUCTION", initiator: { id: "ada" }, participants },
      progress: { pattern: "AUCTION", progress: 0.5, status: "BIDDING", bids: { eve: 3 } },
    });
    expect((await ada.asks("coordination.list")).content["data"]).toMatchObject({
      coordinations: [{ coordinationId: "c1", pattern: "AUCTION", initiator: "ada", status: "BIDDING" }],
    });
    const forged = await says(eve, "coordination.progress", { coordinationId: "c1", progress: 1, status: "COMPLETED" });
    const { message } = await eve.hears((heard) => heard.message.in_reply_to === forged.message_id);
    expect(message.content).toMatchObject({ kind: "fault", data: { code: "forbidden" } });
    const stranger = await plain("stranger");
    expect((await stranger.asks("coordination.list")).content["data"]).toEqual({ coordinations: [] });
    const hidden = (await stranger.asks("coordination.status", { coordinationId: "c1" })).content;
    expect(hidden).toMatchObject({ kind: "fault", data: { code: "not-found" } });
  });
});
