import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { principal, type Principal } from "../../src/core/index.js";
import type { Presence } from "../../src/directory/index.js";
import { awayWorld, key, token, type AwayWorld } from "../kit/away-world.js";
import { codeOf } from "../kit/directory-world.js";
import { turn } from "../kit/gated-table.js";

const rooms = ["#general", "#x", "#y"] as const;
const inspector = principal("operator", "proved", { scopes: ["inspect"] });
const owners: Readonly<Record<string, Principal>> = { ada: token("ada"), bob: key("bob"), eve: token("eve") };
const names = Object.keys(owners);
const name = fc.constantFrom(...names);
const room = fc.constantFrom(...rooms);

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("arrive" as const), name, isOwner: fc.boolean() }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("join" as const), who: fc.nat(9), room }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("leave" as const), who: fc.nat(9), room }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("depart" as const), who: fc.nat(9) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("box" as const), name, isOn: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constant({ do: "kill" as const }) },
);

interface Session {
  readonly presence: Presence;
  readonly name: string;
  readonly isOwner: boolean;
  /** As the model knows them. */
  readonly rooms: Set<string>;
}

/** What is to be, worked out in the simplest way. */
class Model {
  sessions: Session[] = [];
  readonly boxes = new Set<string>();
  /** Memberships that outlive sessions. */
  readonly kept = new Map<string, Set<string>>(names.map((one) => [one, new Set<string>()]));

  of(who: string): Set<string> {
    return this.kept.get(who) ?? new Set();
  }

  members(of: string): string[] {
    return names.filter((one) => this.isHere(one, of) || this.of(one).has(of));
  }

  away(of: string): string[] {
    return names.filter((one) => !this.isHere(one, of) && this.of(one).has(of));
  }

  isHere(who: string, of: string): boolean {
    return this.sessions.some((session) => session.name === who && session.rooms.has(of));
  }
}

/** Whom the events of rooms leave in which, told one after the other; what is wrong with them. */
function toldBy(events: readonly string[], before: readonly string[]): { inside: string[]; wrong: string[] } {
  const inside = new Set(before);
  const wrong: string[] = [];
  for (const event of events) {
    const [kind, who, where] = event.split(" ");
    const membership = `${String(who)} ${String(where)}`;
    if (kind === "room.joined") {
      if (inside.has(membership)) wrong.push(event);
      inside.add(membership);
    } else if (kind === "room.left" && !inside.delete(membership)) wrong.push(event);
  }
  return { inside: [...inside].sort(), wrong };
}

describe("members who come, go, open and close mailboxes, and are killed with the broker", () => {
  it("are where a naive model says, away where it says, and others are told of nothing else", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60, size: "max" }), async (steps) => {
        const model = new Model();
        let world: AwayWorld = await awayWorld();
        let atStart: readonly string[] = [];
        const all = (): string[] => rooms.flatMap((one) => model.members(one).map((who) => `${who} ${one}`)).sort();
        const look = (): void => {
          for (const one of rooms) {
            const known = world.directory.rooms(inspector).some(({ name: there }) => there === one);
            expect(known ? world.directory.members(one, inspector) : []).toEqual(model.members(one));
            const away = known ? world.directory.away(one, inspector) : [];
            expect(away.map(({ name: who }) => who)).toEqual(model.away(one));
          }
          for (const { presence, rooms: inside } of model.sessions)
            expect([...presence.rooms].sort()).toEqual([...inside].sort());
          const told = toldBy(world.events, atStart);
          expect(told).toEqual({ inside: all(), wrong: [] });
        };
        for (const now of steps) {
          if (now.do === "kill") {
            await turn(); // what was told is on disk
            world = await world.again();
            expect(world.lost).toEqual([]);
            model.sessions = [];
            atStart = all();
          } else if (now.do === "arrive") {
            const who = now.isOwner ? owners[now.name] : principal(now.name, "claimed");
            if (who === undefined) continue;
            const inherits = now.isOwner && model.boxes.has(now.name);
            model.sessions.push({
              presence: world.comes(who),
              name: now.name,
              isOwner: now.isOwner,
              rooms: new Set(inherits ? model.of(now.name) : []),
            });
          } else if (now.do === "box") {
            const proof = owners[now.name]?.proof ?? "";
            if (now.isOn) {
              model.boxes.add(now.name);
              world.boxes.add(proof);
              for (const session of model.sessions)
                if (session.name === now.name && session.isOwner)
                  for (const one of session.rooms) model.of(now.name).add(one);
            } else {
              model.boxes.delete(now.name);
              world.boxes.delete(proof);
              model.of(now.name).clear();
            }
            await world.directory.reviewAway(now.name);
          } else {
            const at = now.who % Math.max(model.sessions.length, 1);
            const session = model.sessions[at];
            if (session === undefined) continue;
            const { presence, isOwner, rooms: inside, name: who } = session;
            if (now.do === "depart") {
              presence.depart();
              model.sessions.splice(at, 1);
            } else if (now.do === "join") {
              await world.directory.readyToJoin(presence, now.room, { create: true });
              world.directory.join(presence, now.room, { create: true });
              inside.add(now.room);
              if (isOwner && model.boxes.has(who)) model.of(who).add(now.room);
            } else {
              codeOf(() => world.directory.leave(presence, now.room));
              if (inside.delete(now.room) && isOwner) model.of(who).delete(now.room);
            }
          }
          look();
        }
        for (const { presence } of model.sessions) presence.depart();
        world.boxes.clear();
        for (const who of names) await world.directory.reviewAway(who);
        await turn();
        expect(world.rows()).toEqual([]);
        expect(toldBy(world.events, atStart)).toEqual({ inside: [], wrong: [] });
        for (const one of rooms) expect(world.directory.memberCount(one, inspector)).toBe(0);
      }),
      { numRuns: 150 },
    );
  });
});
