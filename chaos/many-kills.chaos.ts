import { expect } from "vitest";
import { startProgram } from "../test/kit/cli.js";
import { scenario } from "./kit/scenario.js";

const tests = [
  "test/clients/agentchat/daemon-kill.test.ts",
  "test/journeys/negotiation-kill.test.ts",
  "test/journeys/kept-then-told.test.ts",
  "test/journeys/durable-rooms-kill.test.ts",
];

scenario({
  number: 12,
  title: "the tests that kill, with all repetitions",
  done: "AgentChat's daemon killed 50 times while it sends its outbox, a server killed 8 times while agreements are made, a broker 30 times as soon as it has told of a right, and 30 times while a durable room is spoken in: the tests of `npm test`, which repeats them fewer times",
  limitMs: 400_000,
  async run(course) {
    const program = startProgram(process.execPath, ["node_modules/vitest/vitest.mjs", "run", ...tests], {
      ALL_REPETITIONS: "1",
      NO_COLOR: "1",
    });
    course.finally(async () => {
      await program.stop("SIGTERM");
    });
    const { code, stdout, stderr } = await program.ended;
    expect(code, stdout + stderr).toBe(0);
    const [, passed = "none"] = /Tests +(\d+) passed/.exec(stdout) ?? [];
    course.note({ "tests passed": passed });
  },
});
