// The suite that every dialect must pass, for the one in bar-dialect.mjs: node --test bar-dialect.test.mjs
import test from "node:test";
import { conformance } from "synaptic-core/dialect";
import bar, { split } from "./bar-dialect.mjs";

/** How the suite says what the phrasebook does not say, and reads who speaks. */
const subject = {
  dialect: bar,
  command: (type) => `${type}|x`, // a command that does not exist
  join: (room) => `in|${room}`,
  leave: (room) => `out|${room}`,
  joinWithHistory: (room, count) => `in|${room}|${count}`,
  list: () => "who",
  senderOf: (frame) => split(String(frame))[1],
  // Bar has no place where a client writes a sender (`forged`), and sessions keep their name (`rename`).
};

for (const { section, name, run } of conformance(subject)) test(`${section}: ${name}`, run);
