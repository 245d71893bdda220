import { describe, expect, it } from "vitest";
import { defaultLimits, principal, type Message, type Principal } from "../../src/core/index.js";
import { TablesMemory } from "../../src/storage/index.js";
import type { Presence } from "../../src/directory/index.js";
import type { RoomRow } from "../../src/directory/kept-rooms.js";
import { codeOf, messageOf, openWorld, type World } from "../kit/directory-world.js";

interface Secret extends World {
  readonly ada: Presence;
}

/** A world in which ada has made #secret. */
async function secretRoom(): Promise<Secret> {
  const world = openWorld();
  const ada = world.arrive("ada");
  await world.directory.create(ada, "#secret", { inviteOnly: true });
  return { ...world, ada };
}

const token = (agent: string, proof = `token:${agent}`): Principal => principal(agent, "proved", { proof });

describe("an invite-only room", () => {
  it("is in nobody's list but its members', its invitees' and those who inspect", async () => {
    const { directory, arrive, ada } = await secretRoom();
    const bob = arrive("bob");
    const sees = (viewer: Principal | undefined): boolean =>
      directory.rooms(viewer).some(({ name }) => name === "#secret");
    const inspector = principal("operator", "proved", { scopes: ["inspect"] });
    expect([sees(ada.principal), sees(bob.principal), sees(undefined), sees(inspector)]).toEqual([
      true,
      false,
      false,
      true,
    ]);
    await directory.invite(ada, "#secret", "bob");
    expect(sees(bob.principal)).toBe(true);
  });

  it("is closed to an outsider: members, history, leaving, inviting, speaking", async () => {
    const { directory, arrive, say } = await secretRoom();
    const bob = arrive("bob");
    const codes = [
      () => directory.members("#secret", bob.principal),
      () => directory.members("#secret", undefined),
      () => directory.history("#secret", 5, bob.principal),
      () => directory.leave(bob, "#secret"),
      () => directory.invite(bob, "#secret", "bob"),
      () => {
        say("#secret", "hello", bob.principal);
      },
    ].map(codeOf);
    expect(codes).toEqual(Array.from(codes, () => "forbidden"));
    expect(directory.mayHear(bob.principal, "#secret")).toBe(false);
    expect(directory.mayHear(bob.principal, "#general")).toBe(true);
  });

  it("tells an outsider how to get in, whatever it tries", async () => {
    const { say, arrive } = await secretRoom();
    const bob = arrive("bob");
    expect(() => {
      say("#secret", "hello", bob.principal);
    }).toThrow("#secret is invite-only; ask one of its members to invite you");
  });

  it("lets in who was invited, and tells the invitee on its own topic", async () => {
    const { directory, arrive, router, ada } = await secretRoom();
    const bob = arrive("bob");
    const heard: Message[] = [];
    router.subscribe("bob", { deliver: (message) => heard.push(message) > 0 });
    expect(codeOf(() => directory.join(bob, "#secret", { create: true }))).toBe("forbidden");
    await directory.invite(ada, "#secret", "bob");
    expect(heard.map(({ envelope, hidden }) => [envelope?.content.kind, envelope?.type, hidden])).toEqual([
      ["room.invited", "inform", true],
    ]);
    expect(directory.mayHear(bob.principal, "#secret")).toBe(true);
    expect(directory.join(bob, "#secret", { create: false })).toBe(true);
    expect(directory.members("#secret", bob.principal)).toEqual(["ada", "bob"]);
  });

  it("lets in nobody by an invitation to somebody who is not here, and none to what is no name", async () => {
    const { directory, ada } = await secretRoom();
    expect(codeOf(() => directory.invite(ada, "#secret", "bob"))).toBe("not-found");
    expect(codeOf(() => directory.invite(ada, "#secret", "#general"))).toBe("malformed");
  });

  it("hears its members and nobody else, not even an invitee who has not joined", async () => {
    const { directory, arrive, say, ledger, ada } = await secretRoom();
    const bob = arrive("bob");
    say("#secret", "hello", ada.principal);
    await directory.invite(ada, "#secret", "bob");
    expect(
      codeOf(() => {
        say("#secret", "hello", bob.principal);
      }),
    ).toBe("forbidden");
    directory.join(bob, "#secret", { create: false });
    say("#secret", "hello", bob.principal);
    const { accepted, routed, refused, unroutable } = ledger.messages;
    expect([refused, unroutable]).toEqual([1, 1]); // the text, and the invitation that nobody heard
    expect(accepted).toBe(routed + refused + unroutable);
  });

  it("refuses a message whose speaker is not known, and lets the broker's own pass", async () => {
    const { directory, ada, clock } = await secretRoom();
    const unknown = messageOf("#secret", "x", undefined, clock.now(), "1");
    expect(directory.refusal(unknown)?.code).toBe("forbidden");
    expect(directory.refusal(messageOf("#secret", "x", ada.principal, clock.now(), "2"))).toBeUndefined();
    expect(directory.refusal(messageOf("#general", "x", undefined, clock.now(), "3"))).toBeUndefined();
  });

  it("lets a member come back that left, and its maker after a reconnect", async () => {
    const { directory, arrive, ada } = await secretRoom();
    directory.leave(ada, "#secret");
    ada.depart();
    expect(directory.join(arrive("ada"), "#secret", { create: false })).toBe(true);
  });

  it("does not take a claimed name for the member of that name", async () => {
    const { directory, clock, say } = await secretRoom();
    for (const other of [principal("ada", "claimed"), token("ada")]) {
      expect(
        codeOf(() => {
          say("#secret", "I am ada", other);
        }),
      ).not.toBe("none");
      expect(directory.refusal(messageOf("#secret", "x", other, clock.now(), "1"))).toBeDefined();
    }
  });

  it("binds an invitation to the key where there is one, else to the name", async () => {
    const { directory, arrive, ada } = await secretRoom();
    const bob = arrive("bob", { principal: token("bob") });
    await directory.invite(ada, "#secret", "bob");
    bob.depart();
    for (const other of [principal("bob", "shared"), principal("bob", "claimed"), token("bob", "key:other")]) {
      const impostor = arrive("bob", { principal: other });
      expect(codeOf(() => directory.join(impostor, "#secret", { create: false }))).toBe("forbidden");
      expect(directory.mayHear(other, "#secret")).toBe(false);
      impostor.depart();
    }
    expect(directory.join(arrive("bob", { principal: token("bob") }), "#secret", { create: false })).toBe(true);
  });

  it("binds an invitation to a key that was not shown yet, and for the time being to the session", async () => {
    const { directory, arrive, ada } = await secretRoom();
    const claimed = principal("bob", "claimed", { expectedProof: "key:bob" });
    const bob = arrive("bob", { principal: claimed });
    await directory.invite(ada, "#secret", "bob");
    expect(directory.join(bob, "#secret", { create: false })).toBe(true);
    bob.depart();
    const thief = arrive("bob", { principal: principal("bob", "claimed", { expectedProof: "key:bob" }) });
    expect(codeOf(() => directory.join(thief, "#secret", { create: false }))).toBe("forbidden");
    thief.depart();
    expect(
      directory.join(arrive("bob", { principal: principal("bob", "proved", { proof: "key:bob" }) }), "#secret", {
        create: false,
      }),
    ).toBe(true);
  });

  it("made, or invited to, under a key that was only announced, takes nothing from whoever proves that key", async () => {
    const { directory, arrive, ada } = await secretRoom();
    const thief = arrive("bob", { principal: principal("bob", "claimed", { expectedProof: "key:bob" }) });
    for (let at = 0; at < defaultLimits.roomsPerAgentMax; at += 1)
      await directory.create(thief, `#his-${String(at)}`, { inviteOnly: true });
    await directory.invite(ada, "#secret", "bob");
    directory.leave(thief, "#his-0");
    directory.join(thief, "#secret", { create: false });
    for (let at = 0; at < 20; at += 1) {
      arrive(`guest-${String(at)}`);
      await directory.invite(thief, "#secret", `guest-${String(at)}`);
    }
    thief.depart();
    const bob = arrive("bob", { principal: principal("bob", "proved", { proof: "key:bob" }) });
    await directory.create(bob, "#bobs", { inviteOnly: true });
    expect(directory.members("#bobs", bob.principal)).toEqual(["bob"]);
  });

  it("made and left by somebody whose name never comes again goes as a public one does", async () => {
    const { directory, arrive, clock } = openWorld();
    const passer = (name: string): Presence =>
      arrive(name, { principal: principal(name, "claimed", { temporary: true }) });
    const [one, two] = [passer("one"), passer("two")];
    await directory.create(one, "#gone", { inviteOnly: true });
    await directory.invite(one, "#gone", "two");
    expect(directory.join(two, "#gone", { create: false })).toBe(true);
    for (const presence of [one, two]) presence.depart();
    const inspector = principal("operator", "proved", { scopes: ["inspect"] });
    expect(directory.rooms(inspector).some(({ name }) => name === "#gone")).toBe(true);
    clock.advance(24 * 60 * 60 * 1_000);
    expect(directory.rooms(inspector).some(({ name }) => name === "#gone")).toBe(false);
  });

  it("is there after a restart, for whom it is meant; one that nobody can come back to is not", async () => {
    const table = new TablesMemory().table<RoomRow>("rooms");
    const before = openWorld();
    await before.directory.keepRooms(table);
    const ada = before.arrive("ada", { principal: token("ada") });
    before.arrive("bob", { principal: token("bob") });
    await before.directory.create(ada, "#kept", { inviteOnly: true });
    await before.directory.invite(ada, "#kept", "bob");
    await before.directory.create(
      before.arrive("one", { principal: principal("one", "claimed", { temporary: true }) }),
      "#lost",
      { inviteOnly: true },
    );
    const { directory, arrive } = openWorld();
    await directory.keepRooms(table);
    expect(codeOf(() => directory.join(arrive("eve"), "#kept", { create: true }))).toBe("forbidden");
    expect(codeOf(() => directory.create(arrive("max"), "#kept", { inviteOnly: false }))).toBe("conflict");
    for (const name of ["ada", "bob"])
      expect(directory.join(arrive(name, { principal: token(name) }), "#kept", { create: false })).toBe(true);
    expect(directory.join(arrive("eva"), "#lost", { create: true })).toBe(true);
  });

  it("is there after a restart however few rooms may be", async () => {
    const table = new TablesMemory().table<RoomRow>("rooms");
    const before = openWorld();
    await before.directory.keepRooms(table);
    const ada = before.arrive("ada", { principal: token("ada") });
    for (const room of ["#a", "#b", "#c"]) await before.directory.create(ada, room, { inviteOnly: true });
    const { directory, arrive } = openWorld({ roomsMax: 1 });
    await directory.keepRooms(table);
    expect([...table.range("", "\uffff")].map(([key]) => key).filter((key) => !key.includes("\n"))).toEqual([
      "#a",
      "#b",
      "#c",
    ]);
    expect(codeOf(() => directory.join(arrive("eve"), "#a", { create: true }))).toBe("forbidden");
  });

  it("makes room for others when whoever made the most has left some empty", async () => {
    const { directory, arrive } = openWorld({ roomsMax: 6 });
    const greedy = arrive("greedy", { principal: token("greedy", "key:greedy") });
    const modest = arrive("modest", { principal: token("modest", "key:modest") });
    await directory.create(modest, "#modest", { inviteOnly: true });
    for (const room of ["#a", "#b", "#c"]) await directory.create(greedy, room, { inviteOnly: true });
    for (const presence of [greedy, modest]) presence.depart();
    await directory.create(arrive("ada"), "#new", { inviteOnly: false });
    const inspector = principal("operator", "proved", { scopes: ["inspect"] });
    expect(directory.rooms(inspector).map(({ name }) => name)).toEqual([
      "#agents",
      "#b",
      "#c",
      "#general",
      "#modest",
      "#new",
    ]);
  });

  it("needs a proved name on ZeroMQ, to make it and to join it", async () => {
    const { directory, arrive, ada } = await secretRoom();
    const claimed = arrive("bob", { dialect: "zmq", principal: principal("bob", "claimed") });
    await directory.invite(ada, "#secret", "bob");
    expect(codeOf(() => directory.join(claimed, "#secret", { create: false }))).toBe("forbidden");
    expect(codeOf(() => directory.create(claimed, "#mine", { inviteOnly: true }))).toBe("forbidden");
    await directory.create(claimed, "#mine", { inviteOnly: false });
    const proved = arrive("eve", { dialect: "zmq", principal: token("eve") });
    await directory.create(proved, "#eves", { inviteOnly: true });
    await directory.invite(ada, "#secret", "eve");
    expect(directory.join(proved, "#secret", { create: false })).toBe(true);
  });

  it("takes the PUB of a proved ZeroMQ agent for its SUB: two principals with one proof", async () => {
    const { directory, arrive, say } = openWorld();
    await directory.create(arrive("eve", { dialect: "zmq", principal: token("eve") }), "#eves", { inviteOnly: true });
    say("#eves", "hello", token("eve"));
    expect(
      codeOf(() => {
        say("#eves", "hello", token("eve", "key:other"));
      }),
    ).toBe("forbidden");
  });

  it("has its events heard by nobody who may not know of it", async () => {
    const { events, allEvents, router } = await secretRoom();
    expect(events).toEqual(["agent.online ada"]);
    expect(allEvents).toEqual(["agent.online ada", "room.created #secret", "room.joined ada #secret"]);
    expect(router.route("#secret")?.hidden).toBe(true);
  });

  it("does not pass to another speaker of the same name within its grace", async () => {
    const { directory, arrive, clock, say } = openWorld();
    const eve = arrive("eve", { principal: token("eve") });
    await directory.create(eve, "#eves", { inviteOnly: true });
    eve.depart(2_000);
    const impostor = arrive("eve", { principal: principal("eve", "shared") });
    impostor.depart(2_000);
    expect(directory.rooms(token("eve")).find(({ name }) => name === "#eves")?.members).toBe(0);
    expect(
      codeOf(() => {
        say("#eves", "hello", impostor.principal);
      }),
    ).toBe("forbidden");
    clock.advance(2_000);
    expect(directory.agents()).toEqual([]);
  });

  it("cannot be made of a name that somebody listens to already, who would go on hearing it", async () => {
    const { directory, arrive, router } = openWorld();
    const ada = arrive("ada");
    const off = router.subscribe("#secret", { deliver: () => true });
    expect(codeOf(() => directory.create(ada, "#secret", { inviteOnly: true }))).toBe("conflict");
    off();
    await directory.create(ada, "#secret", { inviteOnly: true });
  });

  it("gives no more invitations than the limit", async () => {
    const { directory, arrive } = openWorld({ invitationsPerRoomMax: 2 });
    const ada = arrive("ada");
    await directory.create(ada, "#secret", { inviteOnly: true });
    for (const name of ["bob", "eve"]) arrive(name);
    await directory.invite(ada, "#secret", "bob");
    expect(codeOf(() => directory.invite(ada, "#secret", "eve"))).toBe("full");
  });
});
