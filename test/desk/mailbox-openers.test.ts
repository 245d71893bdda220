import { afterEach, beforeEach, expect, it } from "vitest";
import { settled } from "../../src/conformance/conversation.js";
import { principal } from "../../src/core/index.js";
import { proved, ZeromqWorld } from "../kit/zeromq-world.js";

let world: ZeromqWorld;
beforeEach(() => {
  world = new ZeromqWorld({ mailboxesMax: 40 });
});
afterEach(() => world.close());

/** Asks for a mailbox, as a speaker at an address. @returns what it is told, JSON */
async function open(name: string, remote: string, speaker = principal(name, "proved", { proof: `key:${name}` })) {
  const facts = { principal: speaker, remote };
  const ear = world.subscriber([name], facts);
  world.send(world.publisher(facts), name, "$broker", "request", { message: "open", kind: "mailbox.open" });
  await settled();
  return JSON.stringify(ear.heard);
}

it("keys at one address open no more mailboxes than they leave to others; a token there opens its own", async () => {
  for (let at = 0; at < 10; at += 1) expect(await open(`k${String(at)}`, "203.0.113.1")).not.toContain('"fault"');
  expect(await open("late", "203.0.113.1")).toMatch(/"full".*10 mailboxes were opened from this address/);
  expect(await open("carol", "203.0.113.1", proved("carol"))).not.toContain('"fault"');
  expect(await open("other", "203.0.113.2")).not.toContain('"fault"');
  expect(world.mailboxes.size).toBe(12);
});
