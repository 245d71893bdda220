import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SecureAgentSocket } from "../../clients/typescript/agent-network/index.js";
import { eventually, startBroker, type TestBroker } from "../kit/broker.js";
import { startProgram, type Program } from "../kit/cli.js";
import { issueToken } from "../kit/tokens.js";

const program = fileURLToPath(new URL("../../examples/network_client.py", import.meta.url));

describe("the client of Agent Network that is written from its README alone", () => {
  let at: TestBroker;
  const running: Program[] = [];
  beforeEach(async () => {
    at = await startBroker();
  });
  afterEach(async () => {
    for (const each of running.splice(0)) each.process.kill("SIGKILL");
    await at.stop();
  });

  async function start(name: string, ...args: readonly string[]): Promise<Program> {
    const url = at.pan.replace(/\/pan$/, "/agent-network/v1/connect");
    const token = await issueToken(at.dataDir, name, "jwt");
    const started = startProgram("/usr/bin/python3", [program, url, token, name, ...args]);
    running.push(started);
    return started;
  }

  it("asks another, sealed, and hears the answer, each in a conversation of its own", async () => {
    const bob = await start("bob");
    await bob.prints(/ready/);
    for (const text of ["Free on Monday, señora?", "And on Tuesday?"]) {
      // Under a name of its own each time: the first one's key is pinned.
      const alice = await start(`alice${text.length}`, "bob", text);
      const { code, stdout, stderr } = await alice.ended;
      expect([code, stderr]).toEqual([0, ""]);
      expect(JSON.parse(stdout.split("\n")[1] ?? "")).toMatchObject({
        data: { text: expect.stringContaining(text) as string },
      });
    }
  });

  it("and the SDK ask each other, sealed, have their receipts, and nothing to complain about", async () => {
    const url = at.pan.replace(/\/pan$/, "/agent-network/v1/connect");
    const sdk = new SecureAgentSocket(url, await issueToken(at.dataDir, "sdk", "jwt"), "sdk");
    const told: string[] = [];
    sdk.onSecurityEvent = ({ kind }) => told.push(kind);
    sdk.onDelivery = ({ state }) => told.push(state);
    sdk.handle("QUERY", ({ parameters }, query) =>
      sdk.respond(query, { data: { text: `sdk heard: ${String(parameters["text"])}` } }),
    );
    await sdk.connect();
    try {
      const bob = await start("bob");
      await bob.prints(/ready/);
      for (const text of ["one", "two"])
        expect(await sdk.query("bob", "CUSTOM", { text })).toEqual({ text: expect.stringContaining(text) as string });
      const alice = await start("alice", "sdk", "Free on Monday, señora?");
      const { code, stdout, stderr } = await alice.ended;
      expect([code, stderr]).toEqual([0, ""]);
      const answer = { data: { text: "sdk heard: Free on Monday, señora?" }, error: null };
      expect(JSON.parse(stdout.split("\n")[1] ?? "")).toMatchObject(answer);
      await eventually(
        () => told.filter((state) => state === "delivered").length === 3,
        "receipts for two questions and an answer",
      );
      expect(told.filter((word) => !["kept", "waiting", "sent", "delivered"].includes(word))).toEqual([]);
    } finally {
      await sdk.close();
    }
  });

  it("does not speak with who comes under a known name with another key, and says so", async () => {
    const bob = await start("bob");
    await bob.prints(/ready/);
    expect((await (await start("alice", "bob", "hello")).ended).code).toBe(0);
    await start("alice", "bob", "hello");
    await bob.tells(/dropped: alice .*the key of alice has changed/);
  });
});
