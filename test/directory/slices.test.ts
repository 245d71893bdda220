import { describe, expect, it } from "vitest";
import { openWorld } from "../kit/directory-world.js";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const names = Array.from({ length: 20 }, (_, at) => `a${String(at)}`);

/** A directory whose events take 5 ms each to tell. */
function slowWorld(): ReturnType<typeof openWorld> {
  const world = openWorld();
  world.router.subscribe("$events", {
    deliver() {
      world.clock.pause(5);
      return true;
    },
  });
  return world;
}

describe("very many who come and go in one moment", () => {
  it("are here or gone at once, and are told of in slices, in order", async () => {
    const { arrive, clock, directory, events, exchange } = slowWorld();
    const here = names.map((name) => arrive(name));
    for (const presence of here) directory.join(presence, "#square", { create: true });
    expect(directory.members("#square", undefined)).toHaveLength(20);
    for (const presence of here) presence.depart();
    expect(names.map((name) => directory.agent(name))).toEqual(names.map(() => undefined));
    expect(directory.memberCount("#square", undefined)).toBe(0);
    expect(() => {
      exchange.announce("a3", { type: "inform", content: { message: "are you here?" } });
    }).not.toThrow();
    expect(events.length, "a turn has time for one").toBe(1);
    for (let at = 0; at < 120; at += 1) await turn();
    expect(events).toEqual([
      ...names.map((name) => `agent.online ${name}`),
      "room.created #square",
      ...names.map((name) => `room.joined ${name} #square`),
      ...names.flatMap((name) => [`room.left ${name} #square`, `agent.offline ${name}`]),
    ]);
    expect(clock.missed()).toBe(events.length * 5);
    directory.close();
  });

  it("are gone after their grace in slices; whoever comes back before its turn is not gone", async () => {
    const { arrive, clock, directory, events } = slowWorld();
    for (const presence of names.map((name) => arrive(name))) presence.depart(2_000);
    for (let at = 0; at < 80; at += 1) await turn();
    clock.advance(2_000);
    for (let at = 0; at < 120; at += 1) await turn();
    expect(names.map((name) => directory.agent(name))).toEqual(names.map(() => undefined));
    expect(events.slice(20)).toEqual(names.map((name) => `agent.offline ${name}`));
    directory.close();
  });

  it("are all told of when the directory is closed", () => {
    const { arrive, directory, events } = slowWorld();
    for (const name of names) arrive(name);
    directory.close();
    expect(events).toHaveLength(20);
  });
});
