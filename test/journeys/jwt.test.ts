import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually, startBroker, type TestBroker } from "../kit/broker.js";
import { runCli } from "../kit/cli.js";
import { PanWire, panToken } from "../kit/pan-wire.js";
import { PlainAgent } from "../kit/plain-agent.js";
import { auditLines } from "../ops/kit.js";

/** What protocols §0.7 says of JWTs, from the command to the socket. */
describe("a bot with a JWT", () => {
  let world: TestBroker;
  const bots: PanWire[] = [];
  beforeAll(async () => {
    world = await startBroker();
  });
  afterAll(async () => {
    for (const bot of bots) bot.close();
    await world.stop();
  });

  async function made(...args: string[]): Promise<string> {
    const { stdout } = await runCli(["token", ...args, "--data-dir", world.dataDir]);
    return stdout.trimEnd();
  }

  async function bot(name: string, token: string): Promise<PanWire> {
    const wire = await PanWire.login(world.pan, name, token);
    bots.push(wire);
    return wire;
  }

  async function refused(agentId: string, token: string, as = "AUTH_FAILED"): Promise<unknown> {
    const wire = await PanWire.open(world.pan);
    wire.say({ type: "auth", agentId, token });
    const { code, message } = await wire.hears("error");
    expect([code, (await wire.closed).code]).toEqual([as, 1008]);
    return message;
  }

  const idOf = (jwt: string): string =>
    (JSON.parse(Buffer.from(jwt.split(".")[1] ?? "", "base64url").toString("utf8")) as { jti: string }).jti;

  it("has its name for itself, speaks proved, and is cut when its jti is revoked", async () => {
    const [first, second] = [await made("ada", "--jwt"), await made("ada", "--jwt", "--expires", "1h")];
    const ada = await bot("ada", first);
    const bob = await bot("bob", panToken(world.dataDir));
    ada.say({ type: "chat", to: "bob", text: "hello" });
    expect(await bob.hears("chat")).toMatchObject({ from: "ada", trust: "proved" });
    expect(await refused("ada", panToken(world.dataDir), "AGENT_ID_IN_USE")).toMatch(/belongs to the owner of a token/);
    expect(await refused("bob", first)).toMatch(/belongs to another agent/);
    expect(await refused("ada", `${first.slice(0, -4)}AAAA`)).toMatch(/signature is wrong/);
    expect(await refused("ada", await made("ada", "--zmq"))).toMatch(/this is a ZeroMQ token/);
    await made("revoke", idOf(second));
    await ada.settled();
    await made("revoke", idOf(first));
    expect(await ada.hears("error")).toMatchObject({
      code: "AUTH_FAILED",
      message: expect.stringMatching(/taken back/) as string,
    });
    expect(await ada.closed).toMatchObject({ code: 1008, reason: expect.stringMatching(/taken back/) as string });
    expect(await refused("ada", first)).toMatch(/revoked/);
    const lines = auditLines(join(world.dataDir, "audit.log"));
    const events = lines.flatMap((line) => ("tokenId" in line && line.tokenId === idOf(first) ? [line.event] : []));
    expect(events).toEqual(["token.issued", "login", "token.revoked", "cut"]);
    for (const jwt of [first, second]) expect(JSON.stringify(lines)).not.toContain(jwt.split(".")[2]);
  });

  it("is cut when its time is over, told how to get another", async () => {
    const brief = await made("brief", "--jwt", "--expires", "2s");
    const wire = await bot("brief", brief);
    expect(await wire.hears("error")).toMatchObject({
      code: "AUTH_FAILED",
      message: expect.stringMatching(/has expired.*broker token/) as string,
    });
    expect((await wire.closed).code).toBe(1008);
    expect(await refused("brief", brief)).toMatch(/expired at .*broker token NAME --jwt/);
  });

  it("takes over from its own session by a token of another kind, and is refused on ZeroMQ", async () => {
    const [opaque, jwt] = [await made("eve", "--pan"), await made("eve", "--jwt")];
    const older = await bot("eve", opaque);
    await bot("eve", jwt);
    expect((await older.closed).code).toBe(4409);
    const agent = new PlainAgent("eve", world, { token: jwt.slice(0, 255) });
    const refusals = (): number => world.broker.status().ledger.reasons["zmtp-refused-unauthenticated"] ?? 0;
    await eventually(() => refusals() > 0, "PLAIN with a JWT is refused");
    agent.close();
  });
});
