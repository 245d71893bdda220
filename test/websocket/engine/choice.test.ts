import { beforeEach, describe, expect, it } from "vitest";
import { echo } from "../../../bridges/echo/index.js";
import { ConformanceWorld } from "../../../src/conformance/world.js";
import { settled } from "../../../src/conformance/conversation.js";
import { hasType } from "../../../src/dialect/index.js";
import { probe } from "../../kit/probe-dialect.js";
import { gate } from "./loop-world.js";

describe("the dialect of a connection", () => {
  let world: ConformanceWorld;
  beforeEach(() => {
    world = new ConformanceWorld([
      echo,
      probe({}, { fallback: true, recognise: (frame) => hasType(frame, ["probe", "probe too"]) }),
    ]);
  });
  const speaking = (): Readonly<Record<string, number>> => world.bridges.status().sessions;

  it("is told by the path, whatever the subprotocol says", () => {
    world.connect("/probe", { subprotocol: "echo.v1" });
    expect(speaking()).toEqual({ echo: 0, probe: 1 });
  });

  it("else by the subprotocol", () => {
    world.connect("/", { subprotocol: "echo.v1" });
    expect(speaking()).toEqual({ echo: 1, probe: 0 });
  });

  it("else by the first frame, which is not lost", async () => {
    const ada = world.connect("/");
    expect(speaking()).toEqual({ echo: 0, probe: 0 });
    await ada.says({ type: "login", name: "ada" });
    await ada.hears({ type: "welcome", name: "ada" });
    await ada.says({ type: "echo", text: "and on" });
    await ada.hears({ type: "echo", text: "and on" });
    await ada.vanishes();
    expect(speaking()).toEqual({ echo: 0, probe: 0 });
    expect(world.waiting).toBe(0);
  });

  it.each([
    "no json",
    "[]",
    "null",
    '{"type":"constructor"}',
    '{"type":7}',
    "{}",
    '{"type":"login"',
    Buffer.from('{"type":"login"}'),
  ])("is the fallback's to refuse after %j", async (frame) => {
    const eve = world.connect("/");
    await eve.says(frame);
    await eve.hears({ type: "refused", code: "unauthenticated" });
    expect(eve.closing).toBeDefined();
    await settled();
    expect(speaking()).toEqual({ echo: 0, probe: 0 });
    expect(world.waiting).toBe(0);
  });

  it.each(["/", "/echo"])("and the login at %s are waited for while they wait for their turn", async (path) => {
    const ada = world.connect(path);
    ada.connection.unheard.push(JSON.stringify({ type: "login", name: "ada" }));
    world.clock.advance(world.limits.wsLoginMs);
    await settled();
    expect(ada.closing).toBeUndefined();
    ada.connection.catchUp();
    await ada.hears({ type: "welcome", name: "ada" });
    world.clock.advance(world.limits.wsLoginMs * 2);
    await settled();
    expect(ada.closing).toBeUndefined();
  });

  describe("while its headers are asked about", () => {
    let headers: ReturnType<typeof gate>;
    let ada: ReturnType<ConformanceWorld["connect"]>;
    beforeEach(() => {
      headers = gate();
      const authenticate = async (): Promise<undefined> => {
        await headers.done;
        return undefined;
      };
      world = new ConformanceWorld([probe({}, { authenticate })]);
      ada = world.connect("/probe");
    });

    it("lets the login that came in time wait, and deals with it", async () => {
      await ada.says({ type: "login", name: "ada" });
      world.clock.advance(world.limits.wsLoginMs * 2 - 1);
      await ada.hearsNothing();
      headers.open();
      await ada.hears({ type: "welcome" });
      world.clock.advance(world.limits.wsLoginMs * 2);
      expect(ada.closing).toBeUndefined();
      await ada.vanishes();
      expect([world.waiting, world.ledger.reasons["frames-left-at-close"]]).toEqual([0, undefined]);
    });

    it("ends it afterwards when no login came in time", async () => {
      world.clock.advance(world.limits.wsLoginMs);
      await ada.says({ type: "login", name: "too late" });
      headers.open();
      await ada.hears({ type: "refused", code: "unauthenticated" });
      expect(ada.closing).toBeDefined();
      expect(world.waiting).toBe(0);
    });

    it("does not blame it for what takes twice as long", async () => {
      await ada.says({ type: "login", name: "ada" });
      world.clock.advance(world.limits.wsLoginMs * 2);
      await ada.hears({ type: "refused", code: "unavailable" });
      expect(ada.closing).toBeDefined();
      expect(world.waiting).toBe(0);
    });
  });

  it("is not waited for when what waited was no login", async () => {
    const eve = world.connect("/echo");
    eve.connection.unheard.push("no json");
    world.clock.advance(world.limits.wsLoginMs);
    eve.connection.catchUp();
    await settled();
    expect(eve.closing).toBeDefined();
  });

  it("is the fallback's to refuse after five seconds of silence", async () => {
    const eve = world.connect("/");
    world.clock.advance(4_999);
    await eve.hearsNothing();
    world.clock.advance(1);
    await eve.hears({ type: "refused", code: "unauthenticated" });
    expect(eve.closing).toBeDefined();
  });

  it("is nobody's without a fallback: close 1008", async () => {
    world = new ConformanceWorld([echo]);
    const eve = world.connect("/");
    await eve.says("hello?");
    expect(eve.closing?.code).toBe(1008);
  });

  it("a connection that goes before it says anything leaves nothing", async () => {
    const eve = world.connect("/");
    await eve.vanishes();
    expect(world.waiting).toBe(0);
  });

  it("a listener's own dialect answers at /, whatever is said first", async () => {
    const client = world.connect("/", { own: "echo" });
    await client.says({ type: "constructor" });
    expect(client.all()).toMatchObject([{ type: "refused" }]);
    expect(world.bridges.status().sessions).toMatchObject({ echo: 1 });
  });

  it("who has not said anything when the broker drains is told so", async () => {
    const quiet = world.connect("/");
    await world.bridges.drain(AbortSignal.timeout(1_000));
    expect(quiet.all()).toMatchObject([{ type: "refused", code: "going-away" }]);
    expect(quiet.closing).toBeDefined();
    expect(world.waiting).toBe(0);
  });

  it("who comes while the broker drains is told so", async () => {
    await world.bridges.drain(AbortSignal.timeout(1_000));
    for (const path of ["/", "/echo"]) {
      const late = world.connect(path);
      await settled();
      expect(late.all()).toMatchObject([{ type: "refused" }]);
      expect(late.closing).toBeDefined();
    }
  });

  it("an address that failed to log in too often waits; this machine's own does not", async () => {
    world = new ConformanceWorld([probe()], { limits: { loginFailuresPerMinute: 3 } });
    const tries = async (remote: string): Promise<string> => {
      const client = world.connect("/probe", { remote });
      await client.says({ type: "login", name: "ada", token: "wrong" });
      const [heard] = client.all();
      await client.vanishes();
      return String(heard?.["code"]);
    };
    const codes: string[] = [];
    for (let n = 0; n < 5; n += 1) codes.push(await tries("192.0.2.1"));
    expect(codes).toEqual(["unauthenticated", "unauthenticated", "unauthenticated", "rate-limited", "rate-limited"]);
    expect(await tries("192.0.2.2")).toBe("unauthenticated");
    for (let n = 0; n < 5; n += 1) expect(await tries("127.0.0.1")).toBe("unauthenticated");
    world.clock.advance(20_001);
    expect(await tries("192.0.2.1")).toBe("unauthenticated");
  });

  it("is not that of one that fails while it looks, and the others go on", async () => {
    const failing = probe(
      {},
      {
        name: "failing",
        paths: ["/failing"],
        subprotocols: [],
        recognise: () => {
          throw new Error("oops");
        },
      },
    );
    world = new ConformanceWorld([failing, echo]);
    await world.connect("/").says({ type: "login", name: "ada" });
    expect(speaking()).toMatchObject({ echo: 1, failing: 0 });
    expect(world.ledger.reasons["dialect-failed"]).toBe(1);
  });
});
