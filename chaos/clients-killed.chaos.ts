import { expect } from "vitest";
import { eventually } from "../test/kit/broker.js";
import { startProgram, type Program } from "../test/kit/cli.js";
import { panToken } from "../test/kit/pan-wire.js";
import { PlainAgent } from "../test/kit/plain-agent.js";
import { Operator, settle } from "./kit/accounts.js";
import { BrokerProcess } from "./kit/broker-process.js";
import { scenario } from "./kit/scenario.js";

const rounds = 4;
const perRound = 3;
const unlimited = { panRatePerSecond: 100_000, panRateBurst: 100_000, agentchatRatePerSecond: 0 };

scenario({
  number: 2,
  title: "clients killed with SIGKILL",
  done: `${String(rounds * perRound)} processes with a ZeroMQ agent, a PAN bot and an AgentChat client each, all talking to one sink and a room, killed at random points`,
  limitMs: 80_000,
  async run(course) {
    const broker = await BrokerProcess.start(course, { limits: unlimited });
    const operator = await Operator.of(course, broker);
    const sink = await new PlainAgent("sink", broker, { declare: true }).meet();
    const talker = await new PlainAgent("talker", broker, { declare: true }).meet();
    course.finally(() => {
      sink.close();
      talker.close();
    });
    const base = await operator.look();
    const baseNames = await operator.names();
    const descriptors = broker.descriptors();
    const last = new Map<string, number>();
    let heard = 0;
    let holes = 0;
    /** What the sink has heard since: each speaker's numbers follow one another, until it is killed. */
    const take = (): void => {
      for (const { message } of sink.heard.splice(0)) {
        const [dialect, name, number] = message.content.message.split(" ");
        const speaker = `${String(dialect)} ${String(name)}`;
        const before = last.get(speaker);
        if (before !== undefined && Number(number) !== before + 1) holes += 1;
        last.set(speaker, Number(number));
        heard += 1;
      }
    };
    for (let round = 0; round < rounds; round += 1) {
      const programs = new Map<string, Program>();
      for (let at = 0; at < perRound; at += 1) {
        const name = `r${String(round)}p${String(at)}`;
        const program = startProgram(process.execPath, [
          "chaos/kit/agents-process.mjs",
          name,
          broker.zmqIn,
          broker.zmqOut,
          broker.pan,
          broker.agentchat,
          panToken(broker.dataDir),
        ]);
        course.finally(async () => {
          await program.stop("SIGKILL");
        });
        programs.set(name, program);
      }
      await eventually(
        () => {
          take();
          return [...programs.keys()].every((name) =>
            ["zmq", "pan", "chat"].every((dialect) => last.has(`${dialect} ${name}`)),
          );
        },
        "all of them are heard",
        30_000,
      );
      const talk = setInterval(() => void talker.send("#crowd", "inform", "x".repeat(500)), 1);
      for (const program of programs.values()) {
        await new Promise((resolve) => setTimeout(resolve, course.dice.below(250)));
        await program.stop("SIGKILL");
      }
      clearInterval(talk);
    }
    await operator.until(
      ({ connections, ledger: { copies } }) =>
        JSON.stringify(connections) === JSON.stringify(base.connections) && copies.pending === 0,
      "their connections are gone",
    );
    await eventually(async () => {
      await new Promise((resolve) => setTimeout(resolve, 250));
      return JSON.stringify(await operator.names()) === JSON.stringify(baseNames);
    }, "their names are gone, after the grace");
    await sink.settled();
    take();
    expect(holes, "nothing is lost between a speaker's first and last").toBe(0);
    expect(broker.descriptors()).toBe(descriptors);
    course.note({
      "processes killed": rounds * perRound,
      "sessions killed": rounds * perRound * 3,
      "messages heard by the sink": heard,
      holes,
    });
    await settle(course, broker);
  },
});
