import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Presence } from "../../src/directory/index.js";
import { codeOf, openWorld } from "../kit/directory-world.js";

const name = fc.constantFrom("ada", "bob", "eve");
const room = fc.constantFrom("#general", "#x", "#y", "#z");

const step = fc.oneof(
  fc.record({ do: fc.constant("arrive" as const), name, listed: fc.boolean() }),
  fc.record({ do: fc.constant("join" as const), who: fc.nat(9), room }),
  fc.record({ do: fc.constant("leave" as const), who: fc.nat(9), room }),
  fc.record({ do: fc.constant("create" as const), who: fc.nat(9), room, inviteOnly: fc.boolean() }),
  fc.record({ do: fc.constant("invite" as const), who: fc.nat(9), room, name }),
  fc.record({ do: fc.constant("show" as const), who: fc.nat(9) }),
  fc.record({ do: fc.constant("depart" as const), who: fc.nat(9), graceMs: fc.constantFrom(0, 100, 300) }),
  fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(50, 200, 86_400_000) }),
);

describe("any coming and going", () => {
  it("leaves nothing behind once everybody is gone, and every event has its counterpart", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { directory, clock, router, arrive, allEvents, ledger } = openWorld({
          roomsPerAgentMax: 3,
          roomsMax: 5,
          roomMembersMax: 2,
        });
        const presences: Presence[] = [];
        const at = (who: number): Presence | undefined => presences[who % Math.max(presences.length, 1)];
        const invited = new Set<string>();
        for (const now of steps) {
          if (now.do === "wait") clock.advance(now.ms);
          else if (now.do === "arrive") presences.push(arrive(now.name, { listed: now.listed }));
          else {
            const presence = at(now.who);
            if (presence === undefined) continue;
            if (now.do === "show") presence.show();
            else if (now.do === "depart") presence.depart(now.graceMs);
            else if (now.do === "join") codeOf(() => directory.join(presence, now.room, { create: true }));
            else if (now.do === "leave") codeOf(() => directory.leave(presence, now.room));
            else if (now.do === "invite") codeOf(() => directory.invite(presence, now.room, now.name));
            else if (codeOf(() => directory.create(presence, now.room, now)) === "none" && now.inviteOnly)
              invited.add(now.room);
          }
        }
        for (const presence of presences) presence.depart();
        clock.advance(1_000);
        expect(directory.agents()).toEqual([]);
        for (const who of ["ada", "bob", "eve"]) expect(directory.agent(who)).toBeUndefined();
        expect(presences.flatMap(({ rooms }) => [...rooms])).toEqual([]);
        clock.advance(86_400_000);
        expect(clock.waiting).toBe(0);
        expect(router.size).toBe(1 + 2 + invited.size); // $events, #general and #agents, and what never goes
        expect(balance(allEvents)).toEqual([]);
        const { accepted, routed, unroutable, refused } = ledger.messages;
        expect(accepted).toBe(routed + unroutable + refused);
      }),
      { numRuns: 300 },
    );
  });
});

/** Who was said to be online or in a room and never to have left, or the other way round, or twice. */
function balance(events: readonly string[]): string[] {
  const open = new Set<string>();
  const wrong: string[] = [];
  for (const event of events) {
    const [kind, ...rest] = event.split(" ");
    const key = rest.join(" ");
    if (kind === "agent.online" || kind === "room.joined") {
      if (open.has(key)) wrong.push(event);
      open.add(key);
    } else if (kind !== "room.created" && !open.delete(key)) wrong.push(event);
  }
  return [...wrong, ...open];
}
