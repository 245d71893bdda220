import { describe, expect, it } from "vitest";
import { Fault, principal } from "../../../src/core/index.js";
import { ConformanceWorld } from "../../../src/conformance/world.js";
import { settled, type Conversation } from "../../../src/conformance/conversation.js";
import { probe, type ProbeTypes, type ProbeHandlers, type ProbeSession } from "../../kit/probe-dialect.js";
import type { DialectService, Frame } from "../../../src/dialect/index.js";

type Service = DialectService<ProbeTypes>;

const handlers: ProbeHandlers = {
  shout: (s) => void s.inform({ to: "all", content: { message: "hey" } }),
  raw: (s) => void s.inform({ to: "all", content: { message: "sealed" }, raw: '{"as":"it came" }', hidden: true }),
};

async function crowd(world: ConformanceWorld, path: string, count: number): Promise<Conversation[]> {
  const clients: Conversation[] = [];
  for (let n = 0; n < count; n += 1) {
    const client = world.connect(path);
    await client.says({ type: "login", name: `${path.slice(1)}-${n}` });
    client.all();
    clients.push(client);
  }
  return clients;
}

describe("a message for many", () => {
  it("is rendered, encoded and framed once per variant", async () => {
    let rendered = 0;
    const variantOf = (name: string | undefined): string =>
      name !== undefined && Number(name.at(-1)) % 2 === 0 ? "even" : "odd";
    const world = new ConformanceWorld([
      probe(handlers, {
        render: { variant: (s) => variantOf(s.principal?.agent), event: () => ({ n: (rendered += 1) }) },
      }),
    ]);
    const clients = await crowd(world, "/probe", 8);
    await clients[0]?.says({ type: "do", what: "shout" });
    expect(rendered).toBe(2);
    expect(clients.reduce((sum, { connection }) => sum + connection.prepared, 0)).toBe(2);
    expect(clients.slice(1).flatMap((client) => client.all())).toHaveLength(7);
    world.expectSound();
  });

  it.each([undefined, ""])("is no request in any dialect: there it wants no answer (variant %s)", async (variant) => {
    const world = new ConformanceWorld([
      probe(
        {
          ask: (s) => void s.publish({ to: "all", type: "request", content: { message: "who?" } }),
          one: (s) => void s.publish({ to: "probe-1", type: "request", content: { message: "you?" } }),
        },
        { render: { variant: () => variant, event: ({ type }) => ({ type }) } },
      ),
    ]);
    const [speaker, hearer] = await crowd(world, "/probe", 2);
    for (const what of ["ask", "one"]) await speaker?.says({ type: "do", what });
    expect(hearer?.all()).toEqual([{ type: "inform" }, { type: "request" }]);
  });

  it("is rendered for each alone where the dialect wants it so", async () => {
    const world = new ConformanceWorld([
      probe(handlers, {
        render: { variant: () => undefined, event: (_envelope, _meta, s) => ({ for: s?.principal?.agent }) },
      }),
    ]);
    const clients = await crowd(world, "/probe", 3);
    await clients[0]?.says({ type: "do", what: "shout" });
    expect(clients.slice(1).flatMap((client) => client.all())).toEqual([{ for: "probe-1" }, { for: "probe-2" }]);
  });

  it("goes to its own dialect byte for byte as the frame it was, to others as their event", async () => {
    const world = new ConformanceWorld([
      probe(handlers),
      probe({}, { name: "other", paths: ["/other"], subprotocols: [] }),
    ]);
    const [speaker, own] = await crowd(world, "/probe", 2);
    const [other] = await crowd(world, "/other", 1);
    await speaker?.says({ type: "do", what: "raw" });
    expect(own?.connection.frames.at(-1)).toBe('{"as":"it came" }');
    await other?.hears({ text: "sealed" });
  });

  it("that a dialect has no words for is dropped and counted, and hurts nobody else", async () => {
    const world = new ConformanceWorld([
      probe(handlers),
      probe(
        {},
        { name: "mute", paths: ["/mute"], subprotocols: [], render: { variant: () => "", event: () => undefined } },
      ),
      probe(
        {},
        {
          name: "broken",
          paths: ["/broken"],
          subprotocols: [],
          render: {
            variant: () => "",
            event: () => {
              throw new TypeError("oh");
            },
          },
        },
      ),
    ]);
    await crowd(world, "/mute", 1);
    await crowd(world, "/broken", 1);
    const [speaker, hearer] = await crowd(world, "/probe", 2);
    await speaker?.says({ type: "do", what: "shout" });
    await hearer?.hears({ text: "hey" });
    expect(world.ledger.copies.dropped.unrenderable).toBe(2);
    expect(world.log.filter(({ level }) => level === "error")).toHaveLength(1);
  });

  it("is dropped for a session whose backlog is full, and for no other; $events is told", async () => {
    const world = new ConformanceWorld([probe(handlers)]);
    const [speaker, slow, fast] = await crowd(world, "/probe", 3);
    if (slow !== undefined) slow.connection.isFull = true;
    await speaker?.says({ type: "do", what: "shout" });
    await fast?.hears({ text: "hey" });
    expect(world.ledger.copies.dropped.full).toBe(1);
    const told: unknown[] = [];
    world.router.subscribe("$events", { deliver: ({ envelope }) => told.push(envelope?.content.data) > 0 });
    world.clock.advance(5_000);
    expect(told).toEqual([{ agent: "probe-1", count: 1, since: expect.any(String) as string }]);
    world.expectSound();
  });
});

describe("what a dialect does by itself", () => {
  it("broadcasts once per variant, leaves out who cannot keep up, and ends with the broker", async () => {
    const heard: string[] = [];
    let service: Service | undefined;
    let ends = 0;
    const drained: string[] = [];
    const world = new ConformanceWorld([
      probe(handlers, {
        serve(given) {
          service = given;
          const stop = given.subscribe("$events", ({ content }) => heard.push(content.kind ?? ""));
          const tick = (): void => {
            given.broadcast({ type: "tick" }, given.sessions());
            cancel = given.after(1_000, tick);
          };
          let cancel = given.after(1_000, tick);
          return () => {
            stop();
            cancel();
            ends += 1;
          };
        },
        drained: (session) => void drained.push(session.principal?.agent ?? ""),
      }),
    ]);
    const [one, slow] = await crowd(world, "/probe", 2);
    expect(heard).toEqual(["agent.online", "agent.online"]);
    if (slow !== undefined) slow.connection.buffered = world.limits.wsBacklogMaxBytes;
    world.clock.advance(2_500);
    expect(one?.all().filter(({ type }) => type === "tick")).toHaveLength(2);
    expect(slow?.all()).toEqual([]);
    slow?.connection.receiver?.drained?.();
    expect(drained).toEqual(["probe-1"]);
    expect([...(service?.sessions() ?? [])]).toHaveLength(2);
    await world.bridges.drain(AbortSignal.timeout(1_000));
    await world.bridges.stop();
    expect(ends).toBe(1);
    world.clock.advance(60_000);
    expect(world.clock.waiting).toBe(0);
  });

  it("a session's timers end with it, and what they throw is told", async () => {
    const runs: string[] = [];
    const world = new ConformanceWorld([
      probe({
        timers: (s) => {
          s.after(100, () => runs.push("first"));
          s.after(50, () => {
            throw new Fault("unavailable", "the timer failed");
          });
          const cancel = s.after(60, () => runs.push("cancelled"));
          cancel();
          s.after(5_000, () => runs.push("never"));
        },
      }),
    ]);
    const [ada] = await crowd(world, "/probe", 1);
    await ada?.says({ type: "do", what: "timers" });
    world.clock.advance(100);
    await ada?.hears({ code: "unavailable" });
    await ada?.vanishes();
    world.clock.advance(100_000);
    expect(runs).toEqual(["first"]);
    expect(world.waiting).toBe(0);
  });

  it("logs in by the upgrade's headers before anything that is said", async () => {
    const seen: string[] = [];
    const authenticate = async ({
      bearer,
    }: {
      readonly bearer: string | undefined;
    }): Promise<ReturnType<typeof principal> | undefined> => {
      await settled();
      if (bearer === "bad") throw new Fault("unauthenticated", "no", { fatal: true });
      return bearer === undefined ? undefined : principal(bearer, "proved");
    };
    const world = new ConformanceWorld([
      probe(
        {
          who: (s: ProbeSession) => {
            s.send({ who: s.principal?.agent });
          },
        },
        { authenticate, initialPhase: "ready", greet: (s) => seen.push(s.principal?.agent ?? "") },
      ),
    ]);
    const good = world.connect("/probe", { bearer: "ada" });
    good.connection.says('{"type":"do","what":"who"}');
    const bad = world.connect("/probe", { bearer: "bad" });
    await settled();
    await settled();
    await settled();
    await good.hears({ who: "ada" });
    expect(seen).toEqual(["ada"]);
    await bad.hears({ code: "unauthenticated" });
    expect(bad.closing).toBeDefined();
  });

  it("raises the proof of a session without a word to others", async () => {
    const world = new ConformanceWorld([
      probe({
        join: (s) => void s.join("#tea", { create: true }),
        prove: (s) => s.raise(principal("probe-0", "proved", { proof: "key" })),
        shout: (s) => void s.inform({ to: "#tea", content: { message: "hey" } }),
      }),
    ]);
    const [ada, bob] = await crowd(world, "/probe", 2);
    for (const client of [ada, bob]) await client?.says({ type: "do", what: "join" });
    ada?.all();
    bob?.all();
    await ada?.says({ type: "do", what: "prove" });
    await bob?.hearsNothing();
    expect(world.directory.agent("probe-0")?.trust).toBe("proved");
    await ada?.says({ type: "do", what: "shout" });
    await bob?.hears({ text: "hey", trust: "proved" });
    await bob?.says({ type: "do", what: "shout" });
    await ada?.hears({ text: "hey" });
    await bob?.says({ type: "do", what: "prove" });
    await bob?.hears({ code: "conflict" });
    await ada?.vanishes();
    await bob?.hears({ kind: "room.left" });
    expect(world.directory.agents()).toHaveLength(1);
  });

  it("encodes for one session alone what only that session's codec can", async () => {
    const world = new ConformanceWorld([
      probe(handlers, {
        codec: () => ({
          decode: (frame: Frame) => [JSON.parse(frame.toString()) as { type: "do"; what: string }],
          encode: (event) => Buffer.from(JSON.stringify(event)),
        }),
        render: { variant: () => undefined, event: () => ({ type: "binary" }) },
      }),
    ]);
    const [one, two] = await crowd(world, "/probe", 2);
    await one?.says({ type: "do", what: "shout" });
    expect(Buffer.isBuffer(two?.connection.frames.at(-1))).toBe(true);
  });
});
