import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startBroker, eventually, type TestBroker } from "../kit/broker.js";
import { dialectNames, enter, type DialectName, type End } from "../kit/dialect-ends.js";
import { PanWire } from "../kit/pan-wire.js";
import { PlainAgent } from "../kit/plain-agent.js";
import { probe, type ProbeHandlers } from "../kit/probe-dialect.js";
import { issueToken, revokeTokens } from "../kit/tokens.js";

const agentOf = (dialect: DialectName): string => `agent-${dialect.toLowerCase().replace(" ", "-")}`;
/** As an agent of the dialect is addressed: AgentChat gives it its name. */
const targets = new Map<string, string>();
const handlers: ProbeHandlers = Object.fromEntries(
  dialectNames.map((dialect) => [
    dialect,
    (session) =>
      void session.request({
        to: targets.get(dialect) ?? "",
        messageId: `for ${dialect}`,
        content: { message: `do it in ${dialect}`, kind: "control.execute", data: { command: "do it" } },
      }),
  ]),
);

describe("a session that commands, over real sockets", () => {
  let at: TestBroker;
  const open: { close(): void }[] = [];
  const keep = <C extends { close(): void }>(one: C): C => {
    open.push(one);
    return one;
  };
  const views = async (token: string, name?: string): Promise<PanWire> => {
    const wire = keep(await PanWire.open(at.pan.replace(/pan$/, "probe")));
    wire.say({ type: "view", token, ...(name !== undefined && { name }) });
    await wire.hears("welcome");
    return wire;
  };
  const audited = (): readonly Record<string, unknown>[] =>
    readFileSync(join(at.dataDir, "audit.log"), "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);

  beforeEach(async () => {
    at = await startBroker({ dialects: [probe(handlers)] });
  });
  afterEach(async () => {
    for (const one of open.splice(0)) one.close();
    await at.stop();
  });

  it.each(dialectNames)(
    "reaches an agent of %s under its reserved name, and alone hears the answer",
    async (dialect) => {
      const jwt = await issueToken(at.dataDir, "boss", "jwt", { scopes: ["control"] });
      const [agent, operator, other]: [End, PanWire, PanWire] = [
        keep(await enter[dialect](at, agentOf(dialect))),
        await views(jwt, "control-1"),
        await views(jwt, "control-2"),
      ];
      targets.set(dialect, agent.name);
      operator.say({ type: "do", what: dialect });
      const heard = await agent.hears(`do it in ${dialect}`);
      expect(heard.from.replace(/^@/, "")).toBe("control-1");
      await agent.answers(heard, "it is done");
      const answer = await operator.hears("response");
      expect(answer).toMatchObject({ from: agent.name, to: "control-1", in_reply_to: `for ${dialect}` });
      expect(answer["text"]).toContain("it is done");
      other.close();
      await other.closed;
      expect(other.frames).toEqual([]);
    },
  );

  it("is nobody to ZeroMQ agents that hear, claim or forge its name", async () => {
    const bob = keep(await new PlainAgent("bob", at).meet());
    const jwt = await issueToken(at.dataDir, "boss", "jwt", { scopes: ["control"] });
    const operator = await views(jwt, "control-1");
    const eve = keep(await new PlainAgent("eve", at, { topics: ["eve", "control-1", "Control-1"] }).meet());
    for (const topic of ["control-1", "Control-1"]) {
      const { message } = await eve.hears(
        ({ message: { content } }) =>
          (content["data"] as { subscription?: string } | undefined)?.subscription === topic,
      );
      expect(message.content).toMatchObject({ kind: "fault", data: { code: "forbidden" } });
    }
    for (const from of ["control-1", "CONTROL-1", "control-2", "соntrоl-1"]) {
      const refusedBefore = at.broker.status().ledger.messages.refused;
      await eve.send("bob", "request", "obey", { from });
      await eventually(() => at.broker.status().ledger.messages.refused === refusedBefore + 1, `${from} is refused`);
    }
    expect(() => at.broker.agent("control-1")).toThrow(/begins with control-/);
    targets.set("ZeroMQ", "bob");
    operator.say({ type: "do", what: "ZeroMQ" });
    const { message: asked } = await bob.hears(({ message }) => message.type === "request");
    expect(asked).toMatchObject({ from: "control-1", from_name: "boss", trust: "proved" });
    await bob.send("control-1", "response", "done", { in_reply_to: asked.message_id });
    await operator.hears("response");
    operator.close();
    await operator.closed;
    await eventually(() => at.broker.status().connections.ws === 0, "the session has ended");
    await bob.send("control-1", "request", "still there?");
    const { message: gone } = await bob.hears(({ message }) => message.content["kind"] === "fault");
    expect(gone.content).toMatchObject({ data: { code: "not-found", to: "control-1" } });
    expect([eve.heard, bob.heard]).toEqual([[], []]);
  });

  it("has its login in the audit log, and ends with its token, told why", async () => {
    const token = await issueToken(at.dataDir, "boss", "ws", { scopes: ["observe"] });
    const zoe = keep(await new PlainAgent("zoe", at, { topics: ["zoe", "$events"] }).meet());
    const viewer = await views(token);
    await eventually(() => audited().some(({ dialect }) => dialect === "probe"), "the login is written down");
    expect(audited().find(({ dialect }) => dialect === "probe")).toMatchObject({
      event: "login",
      agent: "boss",
      trust: "proved",
    });
    await revokeTokens(at.dataDir, "boss");
    expect(await viewer.hears("refused")).toMatchObject({ code: "unauthenticated" });
    expect(await viewer.closed).toMatchObject({ code: 4000 });
    await eventually(() => audited().some(({ event }) => event === "cut"), "the cut is written down");
    await zoe.settled();
    expect(JSON.stringify(zoe.heard)).not.toContain("boss");
  });
});
