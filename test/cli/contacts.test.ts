import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startCli } from "../kit/cli.js";
import { PanWire } from "../kit/pan-wire.js";
import { auditLines } from "../ops/kit.js";
import { freeDoors, serveBroker, type Served } from "./served.js";

let served: Served;
beforeEach(async () => {
  served = await serveBroker();
});
afterEach(async () => {
  await served.end();
});

const contacts = (...args: readonly string[]) => served.cli("contacts", ...args);
/** The pairs that a list shows. */
const pairs = async (...args: readonly string[]): Promise<readonly unknown[]> =>
  (await contacts("list", ...args)).stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => (JSON.parse(line) as { agents: unknown }).agents);

/** Ends the broker by kill -9 and starts another one on its folder. */
async function killed(): Promise<void> {
  await served.broker.stop("SIGKILL");
  const broker = startCli(["start", ...freeDoors, "--data-dir", served.dataDir]);
  served = {
    ...served,
    broker,
    end: async () => {
      await broker.stop();
      rmSync(served.home, { recursive: true, force: true });
    },
  };
  await broker.prints(/broker status/);
}

describe("broker contacts", () => {
  it("approves pairs, lists them both ways, takes them back, and says that no dialect looks at the list", async () => {
    const added = await contacts("add", "bob", "ada");
    expect(added).toMatchObject({ code: 0, stderr: "" });
    expect(added.stdout).toMatch(/^bob and ada are contacts of each other now; contacts are open in every dialect/);
    expect((await contacts("add", "ada", "bob")).stdout).toMatch(/^ada and bob were contacts before/);
    await contacts("add", "carl", "two words");
    expect(await pairs()).toEqual([
      ["ada", "bob"],
      ["carl", "two words"],
    ]);
    expect(await pairs("two words")).toEqual([["two words", "carl"]]);
    expect(JSON.parse((await contacts("remove", "bob", "ada", "--json")).stdout)).toEqual({
      agents: ["bob", "ada"],
      changed: true,
      listed: false,
    });
    expect((await contacts("list", "ada")).stderr).toMatch(/^ada has no contacts/);
    const log = auditLines(join(served.dataDir, "audit.log")).filter(({ event }) => event.startsWith("contacts."));
    expect(log).toMatchObject([
      { event: "contacts.added", agents: ["bob", "ada"], by: "operator" },
      { event: "contacts.added", agents: ["carl", "two words"], by: "operator" },
      { event: "contacts.removed", agents: ["bob", "ada"], by: "operator" },
    ]);
  });

  it("refuses what is no pair of agents, and needs a broker that runs", async () => {
    for (const [one, other] of [
      ["ada", "ada"],
      ["ada", "#room"],
      ["", "bob"],
    ] as const)
      expect(await contacts("add", one, other)).toMatchObject({ code: 2, stdout: "" });
    await served.broker.stop();
    expect(await contacts("list")).toMatchObject({ code: 3, stdout: "" });
  });

  it("has told nothing that a kill -9 behind it could undo", async () => {
    for (const other of ["bob", "carl", "dora"]) await contacts("add", "ada", other);
    await contacts("remove", "carl", "ada");
    await killed();
    expect(await pairs()).toEqual([
      ["ada", "bob"],
      ["ada", "dora"],
    ]);
  });
});

describe("broker network forget", () => {
  const forget = (...args: readonly string[]) => served.cli("network", "forget", ...args);

  it("closes the user's sessions, erases what is kept of it, says what, and writes no name into the audit log", async () => {
    const token = (await served.cli("token", "ada", "--pan")).stdout.trim();
    const ada = await PanWire.login(`${served.at.ws}/pan`, "ada", token);
    await contacts("add", "ada", "bob");
    await contacts("add", "carl", "bob");
    await served.cli("mailbox", "open", "ada");
    const { code, stdout } = await forget("ada", "--json");
    expect([code, JSON.parse(stdout)]).toEqual([
      0,
      {
        agents: ["ada"],
        sessions: 1,
        bindings: [],
        proved: ["ada"],
        contacts: 1,
        remembered: [],
        mailboxes: ["ada"],
      },
    ]);
    expect(await ada.closed).toMatchObject({ code: 1008, reason: expect.stringContaining("erased") as string });
    expect(await pairs()).toEqual([["bob", "carl"]]);
    expect(await forget("ada")).toMatchObject({
      code: 4,
      stderr: expect.stringContaining("nothing is kept of ada") as string,
    });
    const log = auditLines(join(served.dataDir, "audit.log"));
    expect(log.filter(({ event }) => event === "network.forgotten")).toMatchObject([{ by: "operator" }]);
    expect(JSON.stringify(log.find(({ event }) => event === "network.forgotten"))).not.toContain("ada");
    expect(JSON.stringify(log.filter(({ event }) => event === "contacts.removed"))).toBe("[]");
  });

  it("has erased for good what it has told, whatever ends the broker behind it", async () => {
    const token = (await served.cli("token", "ada", "--pan")).stdout.trim();
    const ada = await PanWire.login(`${served.at.ws}/pan`, "ada", token);
    await contacts("add", "ada", "bob");
    expect(await forget("ada")).toMatchObject({ code: 0 });
    await killed();
    ada.close();
    expect(await pairs()).toEqual([]);
    expect(await forget("ada")).toMatchObject({ code: 4 });
  });

  it.each([
    ["https://issuer.example#nobody", 4, "nothing is kept of"],
    ["$broker", 2, "neither issuer#sub nor an agent's name"],
    ["", 2, "is missing"],
  ])("refuses %j", async (user, code, why) => {
    expect(await forget(user)).toMatchObject({ code, stderr: expect.stringContaining(why) as string });
  });
});
