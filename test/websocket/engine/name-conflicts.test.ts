import { beforeEach, describe, expect, it } from "vitest";
import { principal } from "../../../src/core/index.js";
import { ConformanceWorld } from "../../../src/conformance/world.js";
import { settled, type Conversation } from "../../../src/conformance/conversation.js";
import { probe } from "../../kit/probe-dialect.js";

describe("two who want one name", () => {
  let world: ConformanceWorld;
  const comes = async (token?: string): Promise<Conversation> => {
    const client = world.connect("/probe");
    await client.says({ type: "login", name: "ada", ...(token !== undefined && { token }) });
    return client;
  };
  const isAda = async (client: Conversation): Promise<void> => {
    await client.hears({ type: "welcome" });
    const sender = world.connect("/probe");
    await sender.says({ type: "login", name: `sender-${String(Math.random()).slice(2)}` });
    await sender.says({ type: "do", what: "greet ada" });
    await client.hears({ text: "hello ada" });
    await sender.vanishes();
  };
  beforeEach(() => {
    world = new ConformanceWorld([
      probe({
        "greet ada": (session) => void session.inform({ to: "ada", content: { message: "hello ada" } }),
        "join #tea": (session) => void session.join("#tea", { create: true }),
      }),
    ]);
  });

  it.each([undefined, "shared"])("with %s: a newcomer is refused while the session answers", async (token) => {
    const first = await comes(token);
    const second = await comes(token);
    await second.hears({ code: "conflict" });
    await isAda(first);
  });

  it.each([undefined, "shared"])("with %s: a newcomer displaces a session that misses a ping", async (token) => {
    const first = await comes(token);
    first.connection.answersPings = false;
    const second = await comes(token);
    await second.hearsNothing();
    world.clock.advance(world.limits.conflictPingMs);
    await isAda(second);
    expect(first.closing?.code).toBe(4409);
    await first.hears({ code: "conflict" });
  });

  it.each(["Ada", "аda", "ａｄａ"])(
    "refuses %s, which looks like a name that was proved, and says so",
    async (name) => {
      const owner = await comes("own ada");
      await owner.vanishes();
      for (const token of [undefined, "shared"]) {
        const twin = world.connect("/probe");
        await twin.says({ type: "login", name, ...(token !== undefined && { token }) });
        const told = await twin.hears({ type: "refused" });
        if (token === undefined)
          expect(told["message"]).toMatch(/looks like ada, which belongs to somebody who proves it/);
      }
      const itself = world.connect("/probe");
      await itself.says({ type: "login", name, token: `own ${name}` });
      await itself.hears({ type: "welcome" });
    },
  );

  it("admits only one of two newcomers that wait for the same ping", async () => {
    const first = await comes();
    first.connection.answersPings = false;
    const [second, third] = [await comes(), await comes()];
    world.clock.advance(world.limits.conflictPingMs);
    await settled();
    await third.hears({ code: "conflict" });
    await isAda(second);
    expect(third.closing).toBeUndefined();
  });

  it("proved by the same owner: the older session is told and closed 4409, and nobody hears that the agent left", async () => {
    const eve = world.connect("/probe");
    await eve.says({ type: "login", name: "eve" });
    await eve.says({ type: "do", what: "join #tea" });
    eve.all();
    const first = await comes("own ada");
    const second = await comes("own ada");
    expect(first.closing?.code).toBe(4409);
    await isAda(second);
    expect(world.directory.agents().map(({ name }) => name)).toEqual(["ada", "eve"]);
    await eve.hearsNothing();
  });

  it("a proved newcomer displaces one that only claims or shares, never the reverse", async () => {
    for (const weaker of [undefined, "shared"]) {
      world = new ConformanceWorld([
        probe({ "greet ada": (session) => void session.inform({ to: "ada", content: { message: "hello ada" } }) }),
      ]);
      const first = await comes(weaker);
      const second = await comes("own ada");
      expect(first.closing?.code).toBe(4409);
      const third = await comes();
      await third.hears({ code: "conflict" });
      await isAda(second);
    }
  });

  it("a name once proved stays closed to claims after its session has gone", async () => {
    await (await comes("own ada")).vanishes();
    await (await comes()).hears({ code: "conflict" });
  });

  it("a name that a ZeroMQ agent uses is closed to claims and open to proof", async () => {
    const arrived = world.directory.arrive({ principal: principal("ada", "claimed"), dialect: "zmq" });
    await (await comes("shared")).hears({ code: "conflict" });
    const proved = await comes("own ada");
    await proved.hears({ type: "welcome" });
    arrived.depart();
    expect(world.directory.agent("ada")?.dialect).toBe("probe");
  });

  it("a newcomer that leaves while it waits leaves nothing behind", async () => {
    const first = await comes();
    first.connection.answersPings = false;
    const second = await comes();
    await second.vanishes();
    world.clock.advance(world.limits.conflictPingMs);
    await isAda(first);
    expect(first.closing).toBeUndefined();
    await first.vanishes();
    expect(world.directory.agents()).toEqual([]);
  });

  it.each([
    ["cannot be greeted", "throws", 1011],
    ["is closed by its greeting", "closes", 4000],
  ])("a newcomer that %s ends, and leaves the name to the session that had it", async (_what, how, code) => {
    let greeting: "well" | "throws" | "closes" = "well";
    world = new ConformanceWorld([
      probe(
        { "greet ada": (session) => void session.inform({ to: "ada", content: { message: "hello ada" } }) },
        {
          greet(session) {
            if (greeting === "throws") throw new Error("a fault of the dialect");
            if (greeting === "closes") session.close({ code: 4000, reason: "not you" });
          },
        },
      ),
    ]);
    const first = await comes("own ada");
    greeting = how as typeof greeting;
    const second = await comes("own ada");
    expect(second.closing?.code).toBe(code);
    greeting = "well";
    await isAda(first);
    await first.vanishes();
    expect(world.directory.agents()).toEqual([]);
    await isAda(await comes("own ada"));
  });
});
