import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startProgram, type Program } from "../kit/cli.js";
import { startBroker, type TestBroker } from "../kit/broker.js";
import { PanWire, panToken } from "../kit/pan-wire.js";
import { issueToken } from "../kit/tokens.js";
import { PlainAgent, type WireMessage } from "../kit/plain-agent.js";

const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
const script = /```python\n(import json[^]*?)```/.exec(readme)?.[1] ?? "";

it("shows what a ZeroMQ agent receives from a bot", async () => {
  const at = await startBroker();
  const claude = await new PlainAgent("claude", at, { declare: true }).meet();
  const trader = await PanWire.login(at.pan, "trader", panToken(at.dataDir), "Trader");
  trader.say({ type: "chat", to: "claude", text: "What do you make of it?" });
  const { topic, message } = await claude.hears((heard) => heard.message.from === "trader");
  const shown = JSON.parse(/```json\n(\{"message_id"[^]*?)```/.exec(readme)?.[1] ?? "") as WireMessage;
  expect({ ...message, message_id: "…", timestamp: shown.timestamp }).toEqual(shown);
  expect(Object.keys(message)).toEqual(Object.keys(shown));
  expect(topic).toBe("claude");
  trader.close();
  claude.close();
  await at.stop();
});

describe("the Python agent that the README writes out", () => {
  let at: TestBroker;
  let boss: PlainAgent;
  let ada: Program;
  const run = (): Program => {
    const own = script.replace("tcp://127.0.0.1:5556", at.zmqOut).replace("tcp://127.0.0.1:5555", at.zmqIn);
    return startProgram("/usr/bin/python3", ["-c", own]);
  };
  beforeEach(async () => {
    at = await startBroker();
    boss = new PlainAgent("boss", at);
    await boss.meet();
    ada = run();
  });
  afterEach(async () => {
    ada.process.kill("SIGKILL");
    boss.close();
    await at.stop();
  });

  it("says why it is deaf once the name has a token", async () => {
    ada.process.kill("SIGKILL");
    await issueToken(at.dataDir, "ada", "zmq");
    ada = run();
    const { code, stdout } = await ada.ended;
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^\$broker .*the name ada has an owner/) as string]);
  });

  /** Asks until somebody is there to hear it: before that the broker answers with a fault, at most ten times a second. */
  async function asks(expires_at: unknown): Promise<WireMessage> {
    for (;;) {
      // What it cannot read does not end it.
      for (const rubbish of ["", "hello", "{'from': 'boss'}", "[]", "7", "{}"]) await boss.pub.send(["ada", rubbish]);
      const { message_id } = await boss.send("ada", "request", "hi", { expires_at });
      const { message } = await boss.hears((heard) => heard.message.in_reply_to === message_id);
      if (message.content["kind"] !== "fault") return message;
      await pause(150);
    }
  }

  it.each([undefined, "2999-01-01T00:00:00Z", "2020-01-01T00:00:00", "soon", 7])(
    "answers a request whose expires_at is %j, and ends",
    async (expires_at) => {
      const { from, type, content } = await asks(expires_at);
      expect([from, type, content.message]).toEqual(["ada", "response", "hello from ada"]);
      expect(await ada.ended).toMatchObject({ code: 0, stderr: "" });
    },
  );
});
