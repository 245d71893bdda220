import { beforeEach, describe, expect, it } from "vitest";
import { pan } from "../../../bridges/pan/index.js";
import type { Conversation } from "../../../src/conformance/conversation.js";
import { ConformanceWorld } from "../../../src/conformance/world.js";
import { Fault } from "../../../src/core/index.js";
import type { AwayRow } from "../../../src/directory/away-rows.js";
import { gatedTable, turn, type GatedTable } from "../../kit/gated-table.js";

/** Ways into a room and out of it, and what tells that they were gone. */
const ways = [
  ["join", { type: "join", room: "#x" }, { status: "joined" }],
  ["room.join", { type: "ask", kind: "room.join", data: { room: "#x" } }, { type: "answer", kind: "room.join" }],
  ["room.create", { type: "ask", kind: "room.create", data: { room: "#x" } }, { type: "answer", kind: "room.create" }],
  ["leave", { type: "leave", room: "#inside" }, { status: "left" }],
  [
    "room.leave",
    { type: "ask", kind: "room.leave", data: { room: "#inside" } },
    { type: "answer", kind: "room.leave" },
  ],
] as const;

describe("a session whose memberships outlive it", () => {
  let world: ConformanceWorld;
  let gate: GatedTable<AwayRow>;
  let ada: Conversation;
  beforeEach(async () => {
    world = new ConformanceWorld([pan]);
    gate = gatedTable<AwayRow>();
    world.directory.keepAway(gate.table);
    ada = world.connect("/pan");
    await ada.says({ type: "auth", agentId: "ada", token: "own ada", mailbox: { rooms: true } });
    await ada.hears({ kind: "mailbox.open" });
    await ada.says({ type: "join", room: "#inside" });
    await ada.hears({ status: "joined" });
    ada.all();
  });

  for (const [name, said, told] of ways) {
    it(`is told of ${name} when it is on disk, and not before`, async () => {
      gate.hold();
      await ada.says(said);
      await turn();
      expect(ada.all()).toEqual([]);
      await gate.open();
      await turn();
      await ada.hears(told);
    });

    it(`is told that ${name} could not be kept`, async () => {
      gate.hold();
      await ada.says(said);
      await gate.fail(new Fault("unavailable", "the disk is full"));
      await turn();
      await ada.hears({ type: "error", message: "the disk is full" });
    });
  }

  it("has not joined what could not be kept", async () => {
    gate.hold();
    await ada.says({ type: "join", room: "#x" });
    await gate.fail(new Fault("unavailable", "the disk is full"));
    await turn();
    expect(world.directory.rooms(undefined).map(({ name }) => name)).not.toContain("#x");
  });

  it("has its mailbox told as opened with rooms: true when those that it is in are on disk", async () => {
    const bob = world.connect("/pan");
    await bob.says({ type: "auth", agentId: "bob", token: "own bob" });
    await bob.says({ type: "join", room: "#x" });
    await bob.hears({ status: "joined" });
    gate.hold();
    await bob.says({ type: "ask", kind: "mailbox.open", data: { rooms: true } });
    await turn();
    await turn();
    expect(bob.all().filter(({ type }) => type === "answer")).toEqual([]);
    await gate.open();
    await turn();
    await bob.hears({ type: "answer", kind: "mailbox.open" });
    expect(gate.written()).toContain("put bob\n#x");
  });
});
