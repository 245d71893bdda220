import { describe, expect, it } from "vitest";
import { defaultLimits, principal } from "../../src/core/index.js";
import { LimiterMemory } from "../../src/identity/index.js";
import { Desk, type DeskOptions } from "../../src/desk/desk.js";
import { faultOf } from "../kit/fault-of.js";
import { TelemetryWorld } from "../kit/telemetry-world.js";

interface Found {
  readonly agents: readonly { readonly name: string; readonly capabilities: readonly object[] }[];
  readonly more?: true;
}

/** Nobody asks for mailboxes here. */
const none = undefined as unknown as DeskOptions["mailboxes"];

describe("agents.find", () => {
  const world = new TelemetryWorld();
  const desk = new Desk({
    exchange: world.exchange,
    directory: world.directory,
    mailboxes: none,
    limits: defaultLimits,
    limiter: new LimiterMemory({ limits: defaultLimits, clock: world.clock }),
    log: () => undefined,
    status: () => ({}),
    askers: { askerOf: () => undefined },
    capabilities: world.telemetry.capabilities,
  });
  const can = (name: string, capability: object): void => {
    world.report(name, "telemetry.capability", { action: "add", capability });
  };
  for (const name of ["ada", "bob", "eve"]) world.arrive(name);
  world.arrive("spy", "secret");
  can("bob", { name: "chess", category: "games", level: 4, elo: 2_100 });
  can("bob", { name: "go", category: "games" });
  can("ada", { name: "Games" });
  can("spy", { name: "games" });

  /** Undefined where the asker is whom contacts keep apart. */
  function find(asker: string, data: object): Found {
    let found: Found | undefined;
    const content = { message: "", kind: "agents.find", data };
    const viewer = principal(asker, "proved");
    const question = { from: asker, kind: "agents.find", content, seats: [], viewer, chargedTo: asker };
    desk.ask(
      { ...question, whenGone: () => () => undefined },
      {
        ready: () => undefined,
        answered: (answer) => {
          found = answer.data as Found;
        },
        written: () => undefined,
      },
    );
    world.clock.advance(10_000);
    if (found === undefined) throw new Error("no answer");
    return found;
  }

  it("names who says that it can do something, by its name or category, with what was found", () => {
    expect(find("eve", { capability: "GAMES" })).toMatchObject({
      agents: [
        { name: "ada", dialect: "pan", trust: "shared", capabilities: [{ name: "Games" }] },
        { name: "bob", capabilities: [{ name: "chess", level: 4, elo: 2_100 }, { name: "go" }] },
      ],
    });
    expect(find("eve", { capability: "go" }).agents).toMatchObject([{ name: "bob", capabilities: [{ name: "go" }] }]);
    expect(find("eve", { capability: "cooking" })).toEqual({ agents: [] });
  });

  it("names nobody whom the asker may not know of", () => {
    expect(find("operator", { capability: "games" }).agents.map(({ name }) => name)).toEqual(["ada", "bob", "spy"]);
    expect(find("spy", { capability: "games" }).agents.map(({ name }) => name)).toEqual(["spy"]);
  });

  it("says that there are more", () => {
    expect(find("eve", { capability: "games", max: 1 })).toMatchObject({ agents: [{ name: "ada" }], more: true });
    for (let n = 0; n < 100; n += 1) {
      world.arrive(`big${String(n)}`);
      can(`big${String(n)}`, { name: "talk", text: "x".repeat(3_900) });
    }
    const { agents, more } = find("eve", { capability: "talk", max: 1_000 });
    expect([agents.length, more]).toEqual([63, true]);
  });

  it.each([
    [{}],
    [{ capability: "" }],
    [{ capability: "x".repeat(129) }],
    [{ capability: "x", max: 0 }],
    [{ capability: 3 }],
  ])("refuses %j", (data) => {
    expect(faultOf(() => find("eve", data)).code).toBe("malformed");
  });
});
