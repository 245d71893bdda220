import { describe, expect, it } from "vitest";
import { Fault, Message, type Envelope } from "../../../src/core/index.js";
import { ConformanceWorld } from "../../../src/conformance/world.js";
import type { Draft } from "../../../src/dialect/index.js";
import { settled, type Conversation } from "../../../src/conformance/conversation.js";
import { probe, type ProbeHandlers, type ProbeSession } from "../../kit/probe-dialect.js";

const text = (message: string): { content: { message: string } } => ({ content: { message } });

/** Says that it waits 100 ms, and is good for a minute, and some more. */
function waits100(s: Pick<ProbeSession, "now">): Pick<Draft, "rare" | "expiresAt"> {
  return {
    rare: { wait_ms: 100, accepts: ["partial"], traceparent: "00-a", receipt: ["stored"] },
    expiresAt: new Date(s.now() + 60_000).toISOString(),
  };
}

/** Ada and Bob, each with the same commands. */
async function both(
  handlers: ProbeHandlers,
  options: ConstructorParameters<typeof ConformanceWorld>[1] = {},
): Promise<{
  world: ConformanceWorld;
  ada: Conversation;
  bob: Conversation;
  does: (who: Conversation, what: string) => Promise<void>;
}> {
  const world = new ConformanceWorld([probe(handlers)], options);
  const enter = async (name: string): Promise<Conversation> => {
    const client = world.connect("/probe");
    await client.says({ type: "login", name });
    await client.hears({ type: "welcome" });
    return client;
  };
  return {
    world,
    ada: await enter("ada"),
    bob: await enter("bob"),
    does: (who, what) => who.says({ type: "do", what }),
  };
}

/** A message of a ZeroMQ agent. */
function fromOutside(
  world: ConformanceWorld,
  envelope: Partial<Envelope> & Pick<Envelope, "from" | "to" | "type">,
): void {
  world.ledger.messages.accepted += 1;
  const now = world.clock.now();
  const whole: Envelope = {
    message_id: "outside",
    timestamp: new Date(now).toISOString(),
    priority: "NORMAL",
    content: { message: "from outside" },
    ...envelope,
  };
  world.exchange.submit(Message.of(whole, { topic: whole.to, receivedAt: now, trust: "claimed", origin: undefined }));
}

describe("what sessions say to each other", () => {
  it("direct text is a request, its answer a response, what follows an inform", async () => {
    const { ada, bob, does, world } = await both({
      "to bob": (s) => void s.say({ to: "bob", ...text("hm") }),
      "to ada": (s) => void s.say({ to: "ada", ...text("ah") }),
    });
    await does(ada, "to bob");
    const asked = await bob.hears({ type: "request", from: "ada", to: "bob", trust: "claimed" });
    expect(asked).not.toHaveProperty("in_reply_to");
    await does(bob, "to ada");
    await does(bob, "to ada");
    expect((await ada.hears({ type: "response" }))["in_reply_to"]).toBeDefined();
    await ada.hears({ type: "inform" });
    world.expectSound();
  });

  it("is refused when nobody is there, and counted once", async () => {
    const { ada, does, world } = await both({
      ghost: (s) => void s.say({ to: "ghost", ...text("?") }),
      system: (s) => void s.say({ to: "system", ...text("?") }),
      events: (s) => void s.inform({ to: "$events", ...text("lies") }),
    });
    for (const [what, code] of [
      ["ghost", "not-found"],
      ["system", "not-found"],
      ["events", "forbidden"],
    ] as const) {
      await does(ada, what);
      await ada.hears({ code });
    }
    expect(world.ledger.messages).toMatchObject({ unroutable: 2 });
    world.expectSound();
  });

  it("has the time that its speaker gives it, and ours beside one that cannot be relied upon", async () => {
    const heard: Envelope[] = [];
    const at = (timestamp: string) => (s: ProbeSession) => void s.inform({ to: "bob", ...text("now"), timestamp });
    const { ada, does, world } = await both({
      now: (s) => {
        at(new Date(s.now()).toISOString())(s);
      },
      "long ago": at("2001-01-01T00:00:00.000Z"),
      whenever: at("1e+300"),
    });
    world.exchange.follow((envelope) => heard.push(envelope));
    for (const what of ["now", "long ago", "whenever"]) await does(ada, what);
    const ours = new Date(world.clock.now()).toISOString();
    expect(heard.map(({ timestamp, received_at: receivedAt }) => [timestamp, receivedAt])).toEqual([
      [ours, undefined],
      ["2001-01-01T00:00:00.000Z", ours],
      ["1e+300", ours],
    ]);
  });

  it("trips the loop guard, of which both are told once", async () => {
    const { ada, bob, does } = await both(
      {
        "to bob": (s) => void s.say({ to: "bob", ...text("no, you") }),
        "to ada": (s) => void s.say({ to: "ada", ...text("no, you") }),
      },
      { limits: { loopTurnsMax: 6 } },
    );
    for (let n = 0; n < 12; n += 1) await does(n % 2 === 0 ? ada : bob, n % 2 === 0 ? "to bob" : "to ada");
    for (const client of [ada, bob]) {
      const notices = client.all().filter(({ kind }) => kind === "fault");
      expect(notices).toMatchObject([{ from: "$broker", type: "inform", data: { code: "loop" } }]);
    }
    await does(ada, "to bob");
    await bob.hears({ type: "inform", text: "no, you" });
  });

  it("a tracked request that nobody answers in time is a fault for its sender alone", async () => {
    const { ada, bob, does, world } = await both({
      ask: (s) => void s.request({ to: "bob", messageId: "q1", ...text("?") }, { timeoutMs: 500 }),
      answer: (s) => void s.respond({ from: "ada", message_id: "q1" } as Envelope, { to: "ada", ...text("!") }),
      ghost: (s) => void s.request({ to: "ghost", ...text("?") }),
    });
    await does(ada, "ask");
    await bob.hears({ type: "request" });
    world.clock.advance(499);
    await ada.hearsNothing();
    world.clock.advance(1);
    await ada.hears({ kind: "fault", in_reply_to: "q1", from: "$broker" });
    await does(ada, "ask");
    await does(bob, "answer");
    await ada.hears({ type: "response", in_reply_to: "q1" });
    world.clock.advance(10_000);
    await ada.hearsNothing();
    await does(ada, "ghost");
    await ada.hears({ code: "not-found" });
    expect(world.requests.size).toBe(0);
    bob.all();
    await bob.hearsNothing();
    world.expectSound();
  });

  it("a request by its own expiry", async () => {
    const { ada, does, world } = await both({
      ask: (s) => void s.request({ to: "bob", ...text("?"), expiresAt: new Date(s.now() + 100).toISOString() }),
    });
    await does(ada, "ask");
    world.clock.advance(100);
    expect(await ada.hears({ kind: "fault" })).toMatchObject({ data: { code: "timeout", to: "bob" } });
  });

  it.each<[string, (s: ProbeSession) => void]>([
    ["request", (s) => void s.request({ to: "bob", ...text("?"), ...waits100(s) })],
    [
      "call",
      (s) =>
        void s
          .call({ to: "bob", ...text("?"), ...waits100(s) }, {})
          .catch(() => s.inform({ to: "ada", content: { message: "timeout" } })),
    ],
  ])("a %s by its wait, which goes before its expiry, and everything that it says arrives", async (_way, ask) => {
    const { ada, bob, does, world } = await both({ ask });
    const said: unknown[] = [];
    world.router.tap({ deliver: ({ envelope }) => said.push(envelope) > 0 });
    await does(ada, "ask");
    await bob.hears({ type: "request" });
    expect(said).toMatchObject([waits100({ now: () => world.clock.now() }).rare]);
    world.clock.advance(99);
    expect(world.requests.size).toBe(1);
    world.clock.advance(1);
    expect(world.requests.size).toBe(0);
    await settled();
  });

  it("a call's answer comes back as a value and is told to nobody", async () => {
    const answers: unknown[] = [];
    const calling = (s: ProbeSession, to: string): void => {
      void s.call({ to, messageId: `call ${to}`, ...text("?") }, { timeoutMs: 500 }).then(
        (answer) => answers.push(answer.content.message),
        (fault: unknown) => answers.push(fault instanceof Fault ? fault.code : fault),
      );
    };
    const { ada, bob, does, world } = await both({
      "call bob": (s) => {
        calling(s, "bob");
      },
      "call ghost": (s) => {
        calling(s, "ghost");
      },
      answer: (s) => void s.respond({ from: "ada", message_id: "call bob" } as Envelope, { to: "ada", ...text("!") }),
    });
    await does(ada, "call bob");
    await does(bob, "answer");
    await does(ada, "call ghost");
    await does(ada, "call bob");
    world.clock.advance(500);
    await settled();
    await does(ada, "call bob");
    fromOutside(world, { from: "eve", to: "ada", type: "response", in_reply_to: "call bob" });
    await ada.hears({ text: "from outside", from: "eve" });
    await ada.vanishes();
    await settled();
    expect(answers).toEqual(["!", "not-found", "timeout", "going-away"]);
    expect(world.requests.size).toBe(0);
    expect(ada.all()).toEqual([]);
  });

  it("calls beyond the limit are refused", async () => {
    const faults: unknown[] = [];
    const { ada, does, world } = await both(
      {
        call: (s) =>
          void s
            .call({ to: "bob", ...text("?") })
            .catch((fault: unknown) => faults.push(fault instanceof Fault ? fault.code : fault)),
      },
      { limits: { sessionCallsMax: 2 } },
    );
    for (let n = 0; n < 3; n += 1) await does(ada, "call");
    expect(faults).toEqual(["full"]);
    world.clock.advance(60_000);
    await settled();
    expect(faults).toEqual(["full", "timeout", "timeout"]);
  });

  it("what has expired is dropped and its sender told", async () => {
    const { ada, world } = await both({});
    const message = Message.of(
      {
        message_id: "late",
        timestamp: "",
        from: "ada",
        to: "bob",
        type: "request",
        priority: "NORMAL",
        content: { message: "late" },
        expires_at: new Date(world.clock.now() - 1).toISOString(),
      },
      { topic: "bob", receivedAt: world.clock.now(), trust: "claimed", origin: undefined },
    );
    world.router.publish(message); // as one does who held it for a while
    await ada.hears({ kind: "fault", in_reply_to: "late" });
    expect(world.ledger.copies.dropped.expired).toBe(1);
  });

  it("only topics that are nobody's name can be heard", async () => {
    const topics = ["prices", "$events", "bob", "#general", "$broker", "$telemetry", "$other", "quotes.btc/"];
    const { ada, does, world } = await both(
      {
        ...Object.fromEntries(
          topics.map((topic) => [
            topic,
            (s: ProbeSession) => {
              s.subscribe(topic);
            },
          ]),
        ),
        stop: (s) => {
          for (const topic of ["prices", "ada", "all"]) s.unsubscribe(topic);
        },
      },
      { dataTopics: ["prices"] },
    );
    for (const topic of topics) await does(ada, topic);
    expect(ada.all().map(({ code }) => code)).toEqual([
      "forbidden",
      "forbidden",
      "forbidden",
      "forbidden",
      "unsupported",
    ]);
    fromOutside(world, { from: "feed", to: "prices", type: "inform" });
    await ada.hears({ to: "prices" });
    await does(ada, "stop");
    expect(world.router.route("prices")).toBeUndefined();
    fromOutside(world, { from: "feed", to: "ada", type: "inform" });
    await ada.hears({ to: "ada" });
  });
});
