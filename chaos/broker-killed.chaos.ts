import { expect } from "vitest";
import { keyFor } from "../test/kit/agentchat-keys.js";
import { eventually } from "../test/kit/broker.js";
import type { ChatWire } from "../test/kit/chat-wire.js";
import { panToken, PanWire } from "../test/kit/pan-wire.js";
import { PlainAgent } from "../test/kit/plain-agent.js";
import { issueToken } from "../test/kit/tokens.js";
import { Operator, settle } from "./kit/accounts.js";
import { BrokerProcess } from "./kit/broker-process.js";
import { enterProved, offer } from "./kit/proved-chat.js";
import { scenario } from "./kit/scenario.js";
import { Tally } from "./kit/tally.js";

const kills = 6;
const unlimited = { panRatePerSecond: 100_000, panRateBurst: 100_000, agentchatRatePerSecond: 0 };

scenario({
  number: 1,
  title: "the broker killed with SIGKILL",
  done: `Killed ${String(kills)} times at random points and started again on the same folder and doors, while agents of three dialects send to each other and make agreements; who has a ZeroMQ socket comes back by libzmq, the others log in anew`,
  limitMs: 90_000,
  async run(course) {
    const broker = await BrokerProcess.start(course, { limits: unlimited });
    const [vaultToken, keyOne, keyOther] = [
      await issueToken(broker.dataDir, "vault", "zmq"),
      keyFor("one"),
      keyFor("other"),
    ];
    const tally = new Tally();
    const reader = new PlainAgent("reader", broker, { declare: true });
    const writer = new PlainAgent("writer", broker, { declare: true });
    const vault = await new PlainAgent("vault", broker, { token: vaultToken }).meet();
    await Promise.all([reader.meet(), writer.meet()]);
    course.finally(() => {
      for (const agent of [reader, writer, vault]) agent.close();
    });
    const takePlain = (): void => {
      for (const { message } of reader.heard.splice(0)) tally.hears("reader", message.content.message);
    };
    const proposals = new Map<string, string>();
    let steps = 0;
    let writing: Promise<unknown> = Promise.resolve();

    for (let life = 0; life <= kills; life += 1) {
      const token = panToken(broker.dataDir);
      const bot = await PanWire.login(broker.pan, "bot", token);
      bot.socket.on("message", (data: Buffer) => {
        const { type, text } = JSON.parse(data.toString()) as { readonly type: string; readonly text?: string };
        if (type === "chat") tally.hears("bot", String(text));
      });
      const [one, other] = [await enterProved(broker.agentchat, keyOne), await enterProved(broker.agentchat, keyOther)];
      other.socket.on("message", (data: Buffer) => {
        for (const line of data.toString().split("\n")) {
          const { type, content, task, id } = JSON.parse(line) as {
            readonly type: string;
            readonly content?: string;
            readonly task?: string;
            readonly id?: string;
          };
          if (type === "MSG") tally.hears("chat", String(content));
          if (type === "PROPOSAL" && task !== undefined && id !== undefined) {
            expect(proposals.get(task) ?? id, "a proposal has one id").toBe(id);
            proposals.set(task, id);
          }
        }
      });
      const before = tally.heard;
      let at = 0;
      const pump = setInterval(() => {
        at += 1;
        for (const [name, to] of [
          ["reader", "reader"],
          ["bot", "bot"],
          ["chat", keyOther.id],
        ] as const) {
          const text = tally.says("writer", name);
          // one after the other: a socket takes one send at a time
          writing = writing.then(() => writer.send(to, "inform", text));
        }
        bot.say({ type: "chat", to: "reader", intent: "inform", text: tally.says("bot", "reader") });
        one.say({ type: "MSG", to: "@bot", content: tally.says("chat", "bot") });
        if (at % 10 === 0) one.say(offer(keyOne, keyOther, `task ${String(life)}.${String((steps += 1) % 12)}`));
      }, 4);
      await eventually(
        () => {
          takePlain();
          return tally.heard > before + 200;
        },
        "traffic in every direction",
        30_000,
      );
      if (life < kills) {
        await new Promise((resolve) => setTimeout(resolve, course.dice.below(400)));
        await broker.kill();
      }
      clearInterval(pump);
      if (life === kills) {
        await eventually(
          () => {
            takePlain();
            return tally.isComplete;
          },
          "the last ones of all arrive",
          20_000,
        );
      } else {
        await new Promise((resolve) => setTimeout(resolve, 100)); // what the dead one has written is read
        takePlain();
        tally.life += 1;
        await broker.again();
      }
      for (const wire of [bot, one, other]) wire.close();
    }
    takePlain();
    expect(
      tally.problems().join("; "),
      "in each life everything arrives in its order, from the first one that came through on",
    ).toBe("");

    const [one, other] = [await enterProved(broker.agentchat, keyOne), await enterProved(broker.agentchat, keyOther)];
    for (const [task, id] of proposals) {
      one.say(offer(keyOne, keyOther, task));
      expect((await heardProposal(one, task))["id"], `${task} is kept`).toBe(id);
    }
    for (const wire of [one, other]) wire.close();
    await writer.settled();
    const operator = await Operator.of(course, broker);
    const { refused } = (await operator.look()).ledger.messages;
    await writer.send("reader", "inform", "forged", { from: "vault" });
    await writer.settled();
    expect((await operator.look()).ledger.messages.refused, "a proved name is kept: nobody else speaks in it").toBe(
      refused + 1,
    );
    await vault.send("reader", "inform", "mine");
    await reader.hears(({ message }) => message.content.message === "mine");
    course.note({ kills, sent: tally.sent, heard: tally.heard, "proposals told, and all kept": proposals.size });
    await settle(course, broker);
  },
});

function heardProposal(wire: ChatWire, wanted: string): ReturnType<ChatWire["hears"]> {
  return wire.hears(({ type, task }) => type === "ERROR" || (type === "PROPOSAL" && task === wanted));
}
