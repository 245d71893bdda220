import { describe, expect, it } from "vitest";
import { agentNetwork } from "../../../../bridges/agent-network/index.js";
import { settled } from "../../../../src/conformance/conversation.js";
import { ConformanceWorld } from "../../../../src/conformance/world.js";
import { vectorsOf } from "../../../kit/dialect-vectors.js";

interface Said {
  readonly about: string;
  readonly says: string;
  readonly hears: readonly string[];
}

const { conversation } = vectorsOf("agent-network")("socket-io") as { readonly conversation: readonly Said[] };

describe("a session of Socket.IO", () => {
  it("goes packet by packet as the vectors say", async () => {
    const world = new ConformanceWorld([agentNetwork]);
    const { connection } = world.connect("/socket.io");
    const sid = connection.id;
    let told = 0;
    for (const { about, says, hears } of conversation) {
      if (says !== "") connection.says(says.replace("TOKEN", "own ada"));
      for (let turns = 0; turns < 3; turns += 1) await settled();
      const heard = connection.frames.slice(told).map((frame) => frame.toString().replaceAll(sid, "SID"));
      told = connection.frames.length;
      expect(heard, about).toEqual(hears);
    }
    expect(connection.closing).toMatchObject({ code: 1000 });
    world.expectSound();
  });

  it("is pinged every 25 s as long as it lasts", async () => {
    const world = new ConformanceWorld([agentNetwork]);
    const { connection } = world.connect("/socket.io");
    connection.says('40{"token":"own ada","agentId":"ada"}');
    for (let turns = 0; turns < 3; turns += 1) await settled();
    const pings = (): number => connection.frames.filter((frame) => frame === "2").length;
    for (const expected of [1, 2, 3]) {
      world.clock.advance(25_000);
      connection.says("3");
      expect(pings()).toBe(expected);
    }
    connection.says("41");
    world.clock.advance(100_000);
    expect(pings()).toBe(3);
    expect(world.waiting).toBe(0);
  });

  it("is told nothing after a login that never came, but why", async () => {
    const world = new ConformanceWorld([agentNetwork]);
    const { connection } = world.connect("/socket.io");
    await settled();
    world.clock.advance(5_000);
    await settled();
    const [, refusal, ...more] = connection.frames;
    expect(refusal).toMatch(/^44\{"message":"Authentication failed"/);
    expect(more).toEqual([]);
    expect(connection.closing).toMatchObject({ code: 4401 });
  });
});
