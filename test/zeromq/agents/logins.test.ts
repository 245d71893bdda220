import { afterEach, expect, it } from "vitest";
import { Fault } from "../../../src/core/index.js";
import { ZeromqWorld } from "../../kit/zeromq-world.js";

const world = new ZeromqWorld({ loginFailuresPerMinute: 2 });
afterEach(async () => {
  await world.close();
});

it("lets an address guess PLAIN passwords only so often", () => {
  const guess = (remote: string): string => {
    try {
      return world.agents.authenticate("boss", "guess", remote).agent;
    } catch (thrown) {
      return thrown instanceof Fault ? thrown.code : String(thrown);
    }
  };
  expect([1, 2, 3].map(() => guess("192.0.2.7"))).toEqual(["unauthenticated", "unauthenticated", "rate-limited"]);
  expect([1, 2, 3].map(() => guess("127.0.0.1"))).toEqual(["unauthenticated", "unauthenticated", "unauthenticated"]);
  world.clock.advance(30_000);
  expect(guess("192.0.2.7")).toBe("unauthenticated");
});
