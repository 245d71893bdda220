import { EventEmitter } from "node:events";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { MsgEvent } from "../../../bridges/agentchat/events.js";
import { AgentChatClient } from "../../../clients/typescript/agentchat/client.js";
import { AgentChatError } from "../../../clients/typescript/agentchat/error.js";
import { isAnswer, listenForAnswer } from "../../../src/cli/agentchat/send.js";
import { serve, type Served } from "./binary.js";

const heard: MsgEvent = { type: "MSG", ts: 0, from: "@ada", from_name: "ada", to: "@me", content: "yes", msg_id: "2" };

describe("an answer", () => {
  it("names the message, or comes back from whoever was asked", () => {
    const asked = { msgId: "1", to: "@ada" };
    expect(isAnswer(heard, asked, "@me")).toBe(true);
    expect(isAnswer({ ...heard, from: "@eve" }, asked, "@me")).toBe(false);
    expect(isAnswer({ ...heard, from: "@eve", in_reply_to: "1" }, asked, "@me")).toBe(true);
    expect(isAnswer({ ...heard, to: "#general" }, asked, "@me")).toBe(false);
    expect(isAnswer({ ...heard, replay: true }, asked, "@me")).toBe(false);
    expect(isAnswer({ ...heard, from: "@me", to: "@ada" }, asked, "@me")).toBe(false);
  });

  it("in a channel names the message, or comes to the asker alone", () => {
    const asked = { msgId: "1", to: "#general" };
    expect(isAnswer({ ...heard, to: "#general" }, asked, "@me")).toBe(false);
    expect(isAnswer({ ...heard, to: "#general", in_reply_to: "1" }, asked, "@me")).toBe(true);
    expect(isAnswer(heard, asked, "@me")).toBe(true);
    expect(isAnswer({ ...heard, from: "@server" }, asked, "@me")).toBe(false);
  });
});

describe("the wait for an answer", () => {
  const asked = { msgId: "1", to: "@ada", content: "ping?" };
  const chat = () => Object.assign(new EventEmitter(), { agentId: "@me" });

  it("ends with the server's refusal, which may come late: who has just gone might have come back", async () => {
    const late = chat();
    const waiting = listenForAnswer(late, asked).within(60_000);
    late.emit("error", new AgentChatError("AGENT_NOT_FOUND", "no agent ada is here", { ref: "1" }));
    await expect(waiting).rejects.toMatchObject({ code: "AGENT_NOT_FOUND" });
  });

  it("goes on after a refusal of something else", async () => {
    const other = chat();
    const waiting = listenForAnswer(other, asked).within(60_000);
    other.emit("error", new AgentChatError("INVALID_MSG", "no JSON", { ref: "2" }));
    other.emit("message", heard);
    expect(await waiting).toBe(heard);
  });
});

describe("agentchat send", () => {
  let served: Served;
  let ada: AgentChatClient;
  beforeAll(async () => {
    served = await serve();
    ada = new AgentChatClient({ server: served.url, name: "ada", echo: false });
    await ada.connect();
    await ada.join("#general");
    ada.on("message", ({ from, from_name: name, to, content, msg_id: msgId }) => {
      if (content === "ping?") void ada.send(to.startsWith("#") ? to : from, `pong, ${name}`, { inReplyTo: msgId });
    });
  });
  afterAll(async () => {
    await ada.disconnect();
    await served.end();
  });
  const adaId = (): string => ada.agentId ?? "";

  it("waits for the answer of an agent, and of a channel, and prints it", async () => {
    const direct = await served.run("send", served.url, adaId(), "ping?", "-n", "bob", "--wait");
    expect(direct).toMatchObject({ code: 0, stdout: `direct ada ${adaId()}: pong, bob\n`, stderr: "" });
    const inChannel = await served.run("send", served.url, "#general", "ping?", "-n", "bob", "--json", "--wait", "10");
    const sent = JSON.parse(inChannel.stdout) as { msg_id: string; answer: MsgEvent };
    expect(sent).toMatchObject({
      to: "#general",
      msg_id: expect.stringMatching(/./) as string,
      answer: { from: adaId(), content: "pong, bob" },
    });
    expect(sent.answer.in_reply_to).toBe(sent.msg_id);
  });

  it("ends with 5 when none has come in time; as JSON its msg_id is there all the same", async () => {
    const ended = await served.run("send", served.url, adaId(), "no answer to this", "--json", "--wait", "0.2");
    expect(ended).toMatchObject({
      code: 5,
      stderr: expect.stringMatching(/has not answered within 0\.2 s; the message was accepted/) as string,
    });
    expect(JSON.parse(ended.stdout)).toMatchObject({
      to: adaId(),
      msg_id: expect.stringMatching(/./) as string,
      answer: null,
    });
  });

  it("tells the msg_id as JSON", async () => {
    const ended = await served.run("send", served.url, "#general", "hello", "--json");
    expect(Object.keys(JSON.parse(ended.stdout) as object).sort()).toEqual(["from", "msg_id", "to"]);
  });

  it("tells the id of an agent whose name was taken for one", async () => {
    const ended = await served.run("send", served.url, "@ada", "hi");
    expect(ended).toMatchObject({
      code: 4,
      stdout: "",
      stderr: expect.stringContaining(`an agent called ada is ${adaId()}\n`) as string,
    });
    expect((await served.run("invite", served.url, "#general", "@ada")).stderr).toContain(
      `an agent called ada is ${adaId()}\n`,
    );
    expect((await served.run("send", served.url, "@nobody12", "hi")).stderr).not.toContain("called");
  });

  it("joins a channel that it is invited to, and says what to do where it is not", async () => {
    const me = JSON.parse(
      (await served.run("identity", "--generate", "-n", "me", "-i", "me.json", "--json")).stdout,
    ) as { agent_id: string };
    await ada.createChannel("#den", true);
    const stranger = await served.run("send", served.url, "#den", "let me in", "-i", "me.json");
    expect(stranger).toMatchObject({ code: 4, stdout: "" });
    expect(stranger.stderr).toContain(`a member can run agentchat invite SERVER '#den' ${me.agent_id}`);
    const guest = new AgentChatClient({ server: served.url, name: "me", identity: `${served.home}/me.json` });
    await guest.connect();
    await ada.invite("#den", me.agent_id);
    await guest.disconnect();
    const told = new Promise<MsgEvent>((resolve) =>
      ada.on("message", (message) => {
        if (message.to === "#den") resolve(message);
      }),
    );
    expect(await served.run("send", served.url, "#den", "thank you", "-i", "me.json")).toMatchObject({
      code: 0,
      stderr: "sent to #den\n",
    });
    expect(await told).toMatchObject({ content: "thank you", from: me.agent_id });
  });
});
