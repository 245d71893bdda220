import { describe, expect, it } from "vitest";
import { Fault, type FaultCode } from "../../../src/core/index.js";
import { ConformanceWorld } from "../../../src/conformance/world.js";
import { settled, type Conversation } from "../../../src/conformance/conversation.js";
import { eventually } from "../../kit/broker.js";
import { probe, type ProbeHandlers } from "../../kit/probe-dialect.js";

/** A handler that waits until the test lets it go. */
function gate(): { readonly wait: () => Promise<void>; open(): void } {
  let open: () => void = () => undefined;
  const promise = new Promise<void>((resolve) => (open = resolve));
  return {
    wait: () => promise,
    open: () => {
      open();
    },
  };
}

async function ready(
  handlers: ProbeHandlers,
  options: ConstructorParameters<typeof ConformanceWorld>[1] = {},
): Promise<{ world: ConformanceWorld; ada: Conversation }> {
  const world = new ConformanceWorld([probe(handlers)], options);
  const ada = world.connect("/probe");
  await ada.says({ type: "login", name: "ada" });
  await ada.hears({ type: "welcome" });
  return { world, ada };
}

describe("the commands of a session", () => {
  it("run one at a time, in order, though one of them waits", async () => {
    const slow = gate();
    const order: string[] = [];
    const { ada } = await ready({
      slow: async () => {
        order.push("slow begins");
        await slow.wait();
        order.push("slow ends");
      },
      fast: () => void order.push("fast"),
    });
    ada.connection.says('{"type":"do","what":"slow"}\n{"type":"do","what":"fast"}');
    for (let n = 0; n < 3; n += 1) ada.connection.says('{"type":"do","what":"fast"}');
    await settled();
    expect(order).toEqual(["slow begins"]);
    slow.open();
    await settled();
    expect(order).toEqual(["slow begins", "slow ends", "fast", "fast", "fast", "fast"]);
  });

  it("need no answer to the login before they are sent", async () => {
    const world = new ConformanceWorld([
      probe({
        hi: (session) => {
          session.send({ type: "hi" });
        },
      }),
    ]);
    const ada = world.connect("/probe");
    ada.connection.says('{"type":"login","name":"ada"}');
    for (let n = 0; n < 5; n += 1) ada.connection.says('{"type":"do","what":"hi"}');
    await settled();
    expect(ada.all().map(({ type }) => type)).toEqual(["welcome", "hi", "hi", "hi", "hi", "hi"]);
  });

  it("that fail are refused one by one, and the next one runs", async () => {
    const { ada, world } = await ready({
      sync: () => {
        throw new Fault("forbidden", "no");
      },
      async: () => Promise.reject(new Fault("full", "no room")),
      bug: () => {
        throw new TypeError("undefined is not a function");
      },
      fine: (session) => {
        session.send({ type: "fine" });
      },
    });
    for (const what of ["sync", "async", "bug", "fine"]) ada.connection.says(JSON.stringify({ type: "do", what }));
    await settled();
    const heard = ada.all();
    expect(heard.map(({ type, code }) => code ?? type)).toEqual(["forbidden", "full", "internal", "fine"]);
    expect(JSON.stringify(heard), "what went wrong inside stays inside").not.toContain("undefined is not");
    expect(world.log.filter(({ level }) => level === "error")).toHaveLength(1);
  });

  it("beyond the queue wait in the socket and are answered in their order, hundreds of them", async () => {
    const slow = gate();
    const heard: number[] = [];
    const { ada, world } = await ready(
      {
        slow: () => slow.wait(),
        fine: async () => {
          await Promise.resolve();
          heard.push(heard.length);
        },
      },
      { limits: { sessionQueueMax: 3 } },
    );
    ada.connection.says('{"type":"do","what":"slow"}');
    for (let n = 0; n < 600; n += 1) ada.connection.says('{"type":"do","what":"fine"}');
    slow.open();
    await eventually(() => heard.length === 600, "all are heard");
    expect(ada.all()).toEqual([]);
    expect(world.ledger.reasons["refused-rate-limited"]).toBeUndefined();
  });

  it("wait while their own answers are unread, those of the same frame and those that come later; then they go on in order", async () => {
    const order: string[] = [];
    const { world, ada } = await ready({
      big: (session) => {
        order.push("big");
        session.send({ type: "big" });
        ada.connection.buffered += world.limits.wsBacklogMaxBytes;
      },
      fine: () => void order.push("fine"),
    });
    ada.connection.says('{"type":"do","what":"big"}\n{"type":"do","what":"big"}\n{"type":"do","what":"fine"}');
    ada.connection.says('{"type":"do","what":"fine"}');
    expect(order).toEqual(["big"]);
    ada.connection.buffered = 0;
    ada.connection.receiver?.drained?.();
    expect(order).toEqual(["big", "big"]);
    ada.connection.buffered = 0;
    ada.connection.receiver?.drained?.();
    expect(order).toEqual(["big", "big", "fine", "fine"]);
    ada.connection.buffered = world.limits.wsBacklogMaxBytes;
    ada.connection.says('{"type":"do","what":"fine"}\n{"type":"do","what":"fine"}');
    expect(order, "what others say does not silence anybody").toHaveLength(6);
    ada.connection.says('{"type":"do","what":"big"}\n{"type":"do","what":"fine"}');
    await ada.vanishes();
    expect(order, "what was said before the peer left is heard").toHaveLength(8);
    expect(world.ledger.reasons["frames-left-at-close"]).toBeUndefined();
  });

  it("wait so, too, after one that waited itself", async () => {
    const order: string[] = [];
    const { world, ada } = await ready({
      slow: async (session) => {
        await Promise.resolve();
        order.push("slow");
        session.send({ type: "big" });
        ada.connection.buffered += world.limits.wsBacklogMaxBytes;
      },
      fine: () => void order.push("fine"),
    });
    ada.connection.says('{"type":"do","what":"slow"}\n{"type":"do","what":"slow"}\n{"type":"do","what":"fine"}');
    await settled();
    expect(order).toEqual(["slow"]);
    for (let n = 0; n < 2; n += 1) {
      ada.connection.buffered = 0;
      ada.connection.receiver?.drained?.();
      await settled();
    }
    expect(order).toEqual(["slow", "slow", "fine"]);
  });

  it("stop when the session closes, also those of the same frame and those that wait", async () => {
    let runs = 0;
    const { ada } = await ready({
      count: () => void (runs += 1),
      close: (session) => {
        session.close({ code: 1000, reason: "enough" });
      },
    });
    ada.connection.says('{"type":"do","what":"count"}\n{"type":"do","what":"close"}\n{"type":"do","what":"count"}');
    ada.connection.says('{"type":"do","what":"count"}');
    await settled();
    expect(runs).toBe(1);
    expect(ada.closing).toEqual({ code: 1000, reason: "enough" });
  });

  it("go on when the peer leaves, until all is heard that it said before", async () => {
    const slow = gate();
    let runs = 0;
    const other = await ready({ slow: () => slow.wait(), count: () => void (runs += 1) });
    other.ada.connection.says('{"type":"do","what":"slow"}\n{"type":"do","what":"count"}');
    other.ada.connection.says('{"type":"do","what":"count"}');
    await other.ada.vanishes();
    slow.open();
    await settled();
    expect(runs).toBe(2);
    expect(other.world.directory.agent("ada")).toBeUndefined();
  });

  it("that go on after their session has ended leave nothing behind", async () => {
    const slow = gate();
    const after: string[] = [];
    const tried = (run: () => unknown): void => {
      try {
        run();
        after.push("done");
      } catch (thrown) {
        after.push(thrown instanceof Fault ? thrown.code : String(thrown));
      }
    };
    const { ada, world } = await ready({
      slow: async (session) => {
        await slow.wait();
        tried(() => {
          session.subscribe("$events");
        });
        tried(() => session.join("#tea", { create: true }));
        tried(() => session.inform({ to: "all", content: { message: "from beyond" } }));
        tried(() => session.request({ to: "ada", content: { message: "?" } }));
        await session
          .call({ to: "ada", content: { message: "?" } })
          .catch((thrown: unknown) => after.push(thrown instanceof Fault ? thrown.code : String(thrown)));
        session.after(1, () => after.push("a timer"));
      },
    });
    const before = world.router.route("$events")?.readers.length;
    ada.connection.says('{"type":"do","what":"slow"}');
    await ada.vanishes();
    slow.open();
    await settled();
    world.clock.advance(60_000);
    expect(after).toEqual(Array.from({ length: 5 }, () => "going-away"));
    expect(world.router.route("$events")?.readers.length).toBe(before);
    expect(world.router.route("ada")).toBeUndefined();
    expect(world.requests.size).toBe(0);
    expect(world.waiting).toBe(0);
  });

  it("are told by the fault they die of when too many are refused in a short time", async () => {
    const { ada, world } = await ready(
      {
        no: () => {
          throw new Fault("forbidden", "no");
        },
      },
      { limits: { abuseRefusalsMax: 5, abuseWindowMs: 1_000 } },
    );
    for (let n = 0; n < 4; n += 1) await ada.says({ type: "do", what: "no" });
    world.clock.advance(1_001);
    for (let n = 0; n < 4; n += 1) await ada.says({ type: "do", what: "no" });
    expect(ada.closing).toBeUndefined();
    await ada.says({ type: "do", what: "no" });
    expect(ada.closing?.code).toBe(4000);
    expect(ada.all().at(-1)).toMatchObject({ code: "rate-limited" });
  });

  it("are refused without end for what others do: nobody is closed because a receiver does not read", async () => {
    const codes: readonly FaultCode[] = ["full", "unavailable", "timeout", "internal"];
    let told = 0;
    const { ada } = await ready(
      {
        no: () => {
          const code = codes[(told += 1) % codes.length];
          if (code !== undefined) throw new Fault(code, "not yours");
        },
      },
      { limits: { abuseRefusalsMax: 5, abuseWindowMs: 1_000 } },
    );
    for (let n = 0; n < 20; n += 1) await ada.says({ type: "do", what: "no" });
    expect(ada.closing).toBeUndefined();
    expect(told).toBe(20);
  });
});
