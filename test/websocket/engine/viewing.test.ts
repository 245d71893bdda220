import { describe, expect, it } from "vitest";
import { ConformanceWorld } from "../../../src/conformance/world.js";
import type { Conversation } from "../../../src/conformance/conversation.js";
import { principal, type Principal } from "../../../src/core/index.js";
import { probe, type ProbeHandlers, type ProbeSession } from "../../kit/probe-dialect.js";

const command = { to: "bob", messageId: "c1", content: { message: "rest", kind: "control.execute" } } as const;
const token = (scopes: Principal["scopes"], more: Partial<Principal> = {}): Principal => ({
  ...principal("ada", "proved", { proof: "token:ada", scopes }),
  ...more,
});

const handlers: ProbeHandlers = {
  command: (s) => void s.request(command, { timeoutMs: 5_000 }),
  async call(s) {
    const { from, type, content } = await s.call({ ...command, messageId: "c2" }, { timeoutMs: 5_000 });
    s.send({ type: "called", from, as: type, text: content.message });
  },
  ask: (s) =>
    s.ask("ping", undefined, ({ kind, json }) => {
      s.send({ type: "answer", kind, json });
    }),
  answer: (s) => void s.say({ to: "control-1", content: { message: "I rest" } }),
  shout: (s) => void s.inform({ to: "all", content: { message: "everybody" } }),
  join: (s) => void s.join("#general", { create: true }),
  subscribe: (s) => {
    s.subscribe("$events");
  },
  rename: (s) => s.rename(principal("zoe", "claimed")),
  admit: (s) => s.admit(principal("zoe", "claimed")),
  again: (s) => s.view(token(new Set())),
  narrower: (s) => s.raise(token(new Set(["observe"]), { tokenId: "t2", expiresAt: s.now() + 60_000 })),
  strangers: (s) => s.raise(principal("eve", "proved", { proof: "token:eve", scopes: ["control"] })),
  who: (s) => {
    s.send({ type: "who", agent: s.principal?.agent, scopes: [...(s.principal?.scopes ?? [])] });
  },
  end: (s) => {
    s.close({ code: 1000, reason: "enough" });
  },
};

interface Opened {
  readonly world: ConformanceWorld;
  readonly enters: (name: string, token?: string) => Promise<Conversation>;
  readonly views: (name?: string, token?: string) => Promise<Conversation>;
}

function open(more: Parameters<typeof probe>[1] = {}): Opened {
  const world = new ConformanceWorld([probe(handlers, more)]);
  const says = async (what: object): Promise<Conversation> => {
    const client = world.connect("/probe");
    await client.says({ ...what });
    await client.hears({ type: "welcome" });
    return client;
  };
  return {
    world,
    enters: (name, own) => says({ type: "login", name, ...(own !== undefined && { token: own }) }),
    views: (name, own = "viewing ada") => says({ type: "view", token: own, ...(name !== undefined && { name }) }),
  };
}

const does = (client: Conversation, what: string): Promise<void> => client.says({ type: "do", what });

describe("a viewer", () => {
  it("takes no name, displaces nobody, is in no list and no count, and hears no `all`", async () => {
    const { world, enters, views } = open();
    const ada = await enters("ada", "own ada");
    const events: unknown[] = [];
    world.router.subscribe("$events", { deliver: ({ envelope }) => events.push(envelope?.content) > 0 });
    const first = await views();
    const second = await views("control-1");
    expect(world.directory.agents().map(({ name }) => name)).toEqual(["ada"]);
    expect([world.directory.agentCount, world.directory.agent("control-1")]).toEqual([1, undefined]);
    expect(world.bridges.status().admitted).toEqual({ probe: 3 });
    await does(ada, "shout");
    await first.hearsNothing();
    await second.hearsNothing();
    expect(ada.closing).toBeUndefined();
    await first.vanishes();
    await second.vanishes();
    expect(events).toEqual([]);
    expect(world.bridges.status().admitted).toEqual({ probe: 1 });
    world.expectSound();
  });

  it("says, asks, joins and hears nothing where it has no name of its own, and says why", async () => {
    const { world, views } = open();
    const viewer = await views();
    for (const what of ["command", "call", "ask", "shout", "join", "subscribe"]) {
      await does(viewer, what);
      await viewer.hears({ type: "refused", code: "forbidden" });
    }
    expect(world.router.size).toBe(new ConformanceWorld([probe()]).router.size);
    world.expectSound();
  });

  it("is a viewer for good: no login, no other name, no second look", async () => {
    const { world, views } = open();
    const viewer = await views("control-1");
    for (const what of ["admit", "again"]) {
      await does(viewer, what);
      await viewer.hears({ type: "refused", code: "conflict" });
    }
    await does(viewer, "rename");
    await viewer.hears({ type: "refused", code: "forbidden" });
    expect(world.directory.agentCount).toBe(0);
    world.expectSound();
  });

  it("cannot be what an agent has become", async () => {
    const { world, enters } = open();
    const ada = await enters("ada");
    await does(ada, "again");
    await ada.hears({ type: "refused", code: "conflict" });
    expect(world.directory.agent("ada")?.trust).toBe("claimed");
  });

  it("counts as logged in: its time for that is over, and it is told of as a login", async () => {
    const { world, views } = open();
    const viewer = await views();
    expect(viewer.connection.isAdmitted).toBe(true);
    world.clock.advance(60_000);
    await does(viewer, "who");
    await viewer.hears({ type: "who", agent: "ada", scopes: ["observe", "inspect", "control"] });
    expect(world.log.map(({ event, fields }) => [event, fields])).toContainEqual([
      "a viewer is admitted",
      { dialect: "probe", agent: "ada", trust: "proved", remote: "127.0.0.1" },
    ]);
  });

  it("ends with its token, and with who is ended", async () => {
    const { world, views } = open();
    const [revoked, ended, other] = [await views("control-1"), await views(), await views(undefined, "viewing zoe")];
    await does(revoked, "narrower");
    world.bridges.endTokens((id) => (id === "t2" ? "revoked" : undefined));
    await revoked.hears({ type: "refused", code: "unauthenticated" });
    expect(revoked.closing).toMatchObject({ code: 4000 });
    expect(world.directory.isReachable("control-1")).toBe(false);
    await does(ended, "narrower");
    world.clock.advance(60_000);
    world.bridges.endTokens(() => undefined);
    expect([ended.closing?.code, other.closing]).toEqual([4000, undefined]);
    world.expectSound();
  });

  it("takes a newer token of its owner, whose rights are in force at once, and none of others", async () => {
    const { world, views } = open();
    const viewer = await views("control-1");
    await does(viewer, "strangers");
    await viewer.hears({ type: "refused", code: "conflict" });
    await does(viewer, "narrower");
    await does(viewer, "who");
    await viewer.hears({ type: "who", agent: "ada", scopes: ["observe"] });
    const rights: (readonly string[])[] = [];
    world.exchange.follow((_said, { speaker }) => rights.push([...(speaker?.scopes ?? [])]));
    world.neighbour("bob");
    await does(viewer, "command");
    expect(rights).toEqual([["observe"]]);
  });

  it("pays for itself, not from what the agent of its token may say", async () => {
    const refusal = "slower";
    const rate = { buckets: () => [{ owner: "agent", rate: { perSecond: 1, burst: 2 } } as const], refusal };
    const { enters, views } = open({ costs: 1, rate });
    const [ada, viewer] = [await enters("ada", "own ada"), await views()];
    for (let turn = 0; turn < 3; turn += 1) await does(viewer, "who");
    await viewer.hears({ type: "refused", code: "rate-limited" });
    await does(ada, "who");
    await ada.hears({ type: "who" });
  });
});

describe("a session that commands", () => {
  it("asks by a reserved name, proved, with the token's agent as display name, and alone hears the answer", async () => {
    const { world, enters, views } = open();
    const [bob, operator, other] = [await enters("bob"), await views("control-1"), await views("control-2")];
    const said: unknown[] = [];
    world.exchange.follow(({ from, from_name, trust, type, to }) => said.push({ from, from_name, trust, type, to }));
    await does(operator, "command");
    await bob.hears({ type: "request", from: "control-1", trust: "proved", text: "rest" });
    await does(bob, "answer");
    await operator.hears({ type: "response", from: "bob", in_reply_to: "c1", text: "I rest" });
    await other.hearsNothing();
    expect(said[0]).toEqual({ from: "control-1", from_name: "ada", trust: "proved", type: "request", to: "bob" });
    world.expectSound();
  });

  it("is answered as often as it commands: a session that answers nothing by itself is in no loop", async () => {
    const { world, enters, views } = open();
    const [bob, operator] = [await enters("bob"), await views("control-1")];
    for (let turn = 0; turn < world.limits.loopTurnsMax + 5; turn += 1) {
      await does(operator, "command");
      await does(bob, "answer");
      await operator.hears({ type: "response", from: "bob", in_reply_to: "c1" });
    }
    await operator.hearsNothing();
  });

  it("shows the subject of its token as a display name can be, whatever that is", async () => {
    for (const [subject, shown] of [
      ["https://login.example/u/7/", "https://login.example/u/7/"],
      ["line\nline\u0000\u009b", "line\ufffdline\ufffd\ufffd"],
      ["🦀".repeat(200), `${"🦀".repeat(60)}…`],
    ] as const) {
      const world = new ConformanceWorld([probe({ ...handlers, again: (s) => s.view(owner, "control-1") })]);
      const owner = principal(subject, "proved", { proof: "jwt:x#1", scopes: ["control"] });
      const names: unknown[] = [];
      world.exchange.follow(({ from_name }) => names.push(from_name));
      world.neighbour("bob");
      const viewer = world.connect("/probe");
      await does(viewer, "again");
      await does(viewer, "command");
      expect(names).toEqual([shown]);
    }
  });

  it("is given the answer of a call as a value, and what the broker answers", async () => {
    const { world, enters, views } = open();
    const [bob, operator] = [await enters("bob"), await views("control-1")];
    await does(operator, "call");
    await does(bob, "answer");
    await operator.hears({ type: "called", from: "bob", as: "response", text: "I rest" });
    await does(operator, "ask");
    await operator.hears({ type: "answer", kind: "ping" });
    world.expectSound();
  });

  it("is told that nobody is there, and that no answer has come", async () => {
    const { world, enters, views } = open();
    const operator = await views("control-1");
    await does(operator, "command");
    await operator.hears({ type: "refused", code: "not-found" });
    await enters("bob");
    await does(operator, "command");
    world.clock.advance(5_000);
    await operator.hears({ type: "inform", kind: "fault", to: "control-1" });
    world.expectSound();
  });

  it("leaves nothing behind: no name, no topic, no request, and a late answer reaches nobody", async () => {
    const { world, enters, views } = open();
    const bob = await enters("bob");
    const before = world.router.size;
    const operator = await views("control-1");
    await does(operator, "command");
    expect([world.requests.size, world.directory.isReachable("control-1")]).toEqual([1, true]);
    expect(world.directory.nonZmqPresences).toBe(2);
    await operator.vanishes();
    expect([world.requests.size, world.directory.isReachable("control-1")]).toEqual([0, false]);
    expect([world.router.size, world.directory.nonZmqPresences]).toEqual([before, 1]);
    await does(bob, "answer");
    await bob.hears({ type: "refused", code: "not-found" });
    world.expectSound();
  });

  it("has a name that nobody else has, of the one form, and proves itself", async () => {
    const { world, views } = open();
    await views("control-1");
    for (const [name, own, code] of [
      ["control-1", "viewing zoe", "conflict"],
      ["control-2", "shared", "forbidden"],
      ["Control-2", "viewing ada", "internal"],
      ["control-", "viewing ada", "internal"],
      ["control-a.b", "viewing ada", "internal"],
      ["zoe", "viewing ada", "internal"],
    ] as const) {
      const client = world.connect("/probe");
      await client.says({ type: "view", token: own, name });
      await client.hears({ type: "refused", code });
      expect(client.connection.isAdmitted, name).toBe(false);
    }
  });

  it("opens no mailbox and speaks in no invite-only room, though its token's agent may", async () => {
    const kinds: ProbeHandlers = {
      mailbox: (s: ProbeSession) =>
        s.ask("mailbox.open", {}, () => {
          s.send({ type: "opened" });
        }),
      room: (s: ProbeSession) =>
        s.ask("room.join", { room: "#den" }, () => {
          s.send({ type: "joined" });
        }),
      speak: (s: ProbeSession) => void s.inform({ to: "#den", content: { message: "psst" } }),
      make: (s: ProbeSession) => s.create("#den", { inviteOnly: true }),
    };
    const world = new ConformanceWorld([probe(kinds)]);
    const [ada, operator] = [world.connect("/probe"), world.connect("/probe")];
    await ada.says({ type: "login", name: "ada", token: "own ada" });
    await does(ada, "make");
    await operator.says({ type: "view", token: "viewing ada", name: "control-1" });
    await operator.hears({ type: "welcome" });
    for (const [what, code] of [
      ["mailbox", "forbidden"],
      ["room", "unauthenticated"],
      ["speak", "forbidden"],
    ] as const) {
      await does(operator, what);
      await operator.hears({ type: "refused", code });
    }
    await operator.hearsNothing();
  });
});

describe("a frame for many", () => {
  it("has one header for all, and leaves out who is behind, counted", async () => {
    let send: (() => void) | undefined;
    const { world, views } = open({
      serve(service) {
        send = () => {
          service.broadcastFrame(Buffer.from("tick"), service.sessions());
          expect([...service.sessions()].map((session) => service.isBehind(session))).toEqual([false, true, false]);
        };
        return () => undefined;
      },
    });
    const [one, slow, three] = [await views(), await views(), await views()];
    slow.connection.buffered = world.limits.wsBacklogMaxBytes / 2 + 1;
    await world.bridges.start();
    send?.();
    const last = [one, slow, three].map(({ connection }) => String(connection.frames.at(-1)));
    expect(last.map((frame) => frame === "tick")).toEqual([true, false, true]);
    expect(world.ledger.reasons["stream-skipped"]).toBe(1);
  });
});
