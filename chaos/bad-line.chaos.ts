import { expect } from "vitest";
import { AgentChatClient } from "../clients/typescript/agentchat/client.js";
import { PanClient } from "../clients/typescript/pan/client.js";
import { eventually } from "../test/kit/broker.js";
import { panToken } from "../test/kit/pan-wire.js";
import { PlainAgent } from "../test/kit/plain-agent.js";
import { Operator, settle } from "./kit/accounts.js";
import { BrokerProcess } from "./kit/broker-process.js";
import { scenario } from "./kit/scenario.js";
import { BadLine } from "./kit/tcp-proxy.js";

const badMs = 12_000;
const lastOnes = 200;
const unlimited = { panRatePerSecond: 100_000, panRateBurst: 100_000, agentchatRatePerSecond: 0 };

/** True if a later number never comes before an earlier one, and none twice. */
function rises(numbers: readonly number[]): boolean {
  return numbers.every((number, at) => at === 0 || number > (numbers[at - 1] ?? 0));
}

scenario({
  number: 5,
  title: "a line that delays, cuts and merges",
  done: `Agents of three dialects talk for ${String(badMs / 1_000)} s through a proxy that delays each chunk by up to 25 ms, merges what waits, splits it anywhere and cuts each connection after 200 to 60,000 bytes; then the line is good, and what is said arrives whole`,
  limitMs: 80_000,
  async run(course) {
    const broker = await BrokerProcess.start(course, { limits: unlimited });
    const operator = await Operator.of(course, broker);
    const [zmqIn, zmqOut, ws] = [
      await BadLine.to(course, broker.zmqIn),
      await BadLine.to(course, broker.zmqOut),
      await BadLine.to(course, broker.ws),
    ];
    const lines = [zmqIn, zmqOut, ws];
    const doors = { zmqIn: zmqIn.url(broker.zmqIn), zmqOut: zmqOut.url(broker.zmqOut) };
    const heard: Record<"plain" | "pan" | "chat", number[]> = { plain: [], pan: [], chat: [] };
    const reader = new PlainAgent("reader", doors, { declare: true, topics: ["reader", "#lab"] });
    const writer = new PlainAgent("writer", doors, { declare: true });
    const pan = new PanClient({
      url: ws.url(broker.pan),
      agentId: "bot",
      token: panToken(broker.dataDir),
      answerTimeoutMs: 2_000,
    });
    const chat = new AgentChatClient({ server: ws.url(broker.agentchat), name: "chat", answerTimeoutMs: 2_000 });
    course.finally(async () => {
      reader.close();
      writer.close();
      await Promise.all([pan.close(), chat.disconnect()]);
    });
    pan.on("refused", () => undefined);
    chat.on("error", () => undefined);
    pan.on("chat", ({ from, text }) => {
      if (from === "writer") heard.pan.push(Number(text));
    });
    chat.on("message", ({ from, content }) => {
      if (from === "@writer") heard.chat.push(Number(content));
    });
    const keepTrying = async (what: string, connect: () => Promise<unknown>): Promise<void> =>
      eventually(
        () =>
          connect().then(
            () => true,
            () => false,
          ),
        what,
        20_000,
      );
    await keepTrying("AgentChat is in", () => chat.connect());
    // A PAN client that never came in is over: a new line would need a new client, so this first login is by a good
    // one.
    ws.calm();
    await keepTrying("the lab is there", () => chat.createChannel("#lab").catch(() => chat.join("#lab")));
    await pan.connect();
    await pan.join("#lab");
    ws.rough();
    let number = 0;
    const pump = setInterval(() => void writer.send("#lab", "inform", String((number += 1))), 10);
    course.finally(() => {
      clearInterval(pump);
    });
    await new Promise((resolve) => setTimeout(resolve, badMs));
    clearInterval(pump);
    for (const line of lines) line.calm();
    const chaotic = number;

    const numbersOf = (): number[] =>
      reader.heard.filter(({ topic }) => topic === "#lab").map(({ message }) => Number(message.content.message));
    await eventually(
      async () => {
        await writer.send("#lab", "inform", String((number += 1)));
        heard.plain = numbersOf();
        return Object.values(heard).every((list) => (list.at(-1) ?? 0) > chaotic);
      },
      `everybody is back: ${JSON.stringify(Object.values(heard).map((list) => list.at(-1)))}`,
      40_000,
    );
    const from = number;
    for (let more = 0; more < lastOnes; more += 1) await writer.send("#lab", "inform", String((number += 1)));
    await eventually(() => {
      heard.plain = numbersOf();
      return Object.values(heard).every((list) => list.at(-1) === number);
    }, "the last one arrives everywhere");
    for (const [who, list] of Object.entries(heard)) {
      expect(rises(list), `${who} hears in order, nothing twice`).toBe(true);
      expect(
        list.filter((one) => one > from),
        `${who} hears everything once the line is good`,
      ).toHaveLength(lastOnes);
    }
    await operator.until(
      ({ connections, ledger }) =>
        connections.zmqIn === 3 && connections.zmqOut === 3 && connections.ws === 2 && ledger.copies.pending === 0,
      "one connection each",
    );
    const cuts = lines.reduce((sum, line) => sum + line.cuts, 0);
    expect(cuts).toBeGreaterThan(5);
    course.note({
      connections: lines.reduce((sum, line) => sum + line.connections, 0),
      cuts,
      "sent while it was bad": chaotic,
      ...Object.fromEntries(
        Object.entries(heard).map(([who, list]) => [
          `of them heard by ${who}`,
          list.filter((one) => one <= chaotic).length,
        ]),
      ),
      "sent when it was good, heard by all": lastOnes,
    });
    await settle(course, broker);
  },
});
