import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AgentChatClient } from "../../clients/typescript/agentchat/client.js";
import { PanClient } from "../../clients/typescript/pan/client.js";
import { Agent, type Content } from "../../src/index.js";
import { startProgram } from "../kit/cli.js";
import { PartyWorld } from "../kit/network-party.js";
import { panToken } from "../kit/pan-wire.js";

/** A voter with the SDK in Python, which votes by what its handler returns. */
const python = `
import sys, threading
sys.path.insert(0, "clients/python/src")
from synaptic_core import Agent

agent = Agent.connect("cobra", zmq_in=sys.argv[1], zmq_out=sys.argv[2])
agent.on_request(lambda request: {"message": "mine", "data": {"vote": "approve"}})
print("ready", flush=True)
threading.Event().wait()
`;

describe("a consensus of agents that use the clients", () => {
  let world: PartyWorld;
  const open: { close(): unknown }[] = [];
  const keep = <T extends { close(): unknown }>(thing: T): T => {
    open.push(thing);
    return thing;
  };
  beforeEach(async () => {
    world = await PartyWorld.start();
  });
  afterEach(async () => {
    for (const thing of open.splice(0)) await thing.close();
    await world.stop();
  });

  it("is voted on by what their handlers answer, and decided for all of them", async () => {
    const { at } = world.world;
    const sdk = keep(await Agent.connect({ name: "sdk", in: at.zmqIn, out: at.zmqOut }));
    sdk.onRequest(() => ({ message: "with pleasure", data: { vote: "approve" } }));
    const inside = keep(at.broker.agent("inside"));
    inside.onRequest(() => "approve");

    const pan = keep(new PanClient({ url: at.pan, agentId: "pan", token: panToken(at.dataDir) }));
    await pan.connect();
    pan.on("chat", ({ from, intent, messageId }) => {
      if (intent === "request")
        pan.say(from, "Approve", { intent: "response", ...(messageId && { replyTo: messageId }) });
    });

    const server = at.pan.replace(/pan$/, "agentchat");
    const chat = new AgentChatClient({ server, name: "chat" });
    keep({ close: () => chat.disconnect() });
    await chat.connect();
    chat.on("message", ({ from, content }) => {
      if (content.includes("asks for your vote")) void chat.send(from, "Reject: too dear");
    });

    const { socket } = await world.login("network");
    const asked = new Promise<string>((resolve) => {
      socket.handle("QUERY", async (_query, message) => {
        await socket.respond(message, { data: { vote: "approve" } });
        resolve(message.senderId);
      });
    });

    const cobra = startProgram("/usr/bin/python3", ["-c", python, at.zmqIn, at.zmqOut]);
    open.push({ close: () => cobra.stop("SIGTERM") });
    await cobra.prints(/ready/);

    const starter = keep(await Agent.connect({ name: "starter", in: at.zmqIn, out: at.zmqOut }));
    const results = new Promise<Content>((resolve) => {
      starter.onInform(({ content }) => {
        if (content.kind === "coordination.result") resolve(content);
      });
    });
    const chatName = (chat.agentId ?? "").slice(1);
    const participants = ["sdk", "inside", "pan", chatName, "network", "cobra"].map((id) => ({ id, role: "voter" }));
    const parameters = { consensusThreshold: 0.75, proposal: { type: "sale" } };
    const kind = "coordination.start";
    await starter.request("$broker", { message: kind, kind, data: { participants, parameters } });
    const others = participants.filter(({ id }) => id !== chatName);
    expect((await results).data).toMatchObject({
      status: "APPROVED",
      votes: Object.fromEntries(others.map(({ id }) => [id, { vote: "approve" }])),
    });
    expect(await asked).toBe("system");
  });
});
