import { describe, expect, it } from "vitest";
import { defineDialect, Fault, type Dialect } from "../../src/dialect/index.js";
import { conformance } from "../../src/conformance/index.js";
import { principal } from "../../src/core/index.js";
import { conformanceTests } from "../kit/conformance.js";
import { visualisationBook, visualisationSketch } from "../dialect/visualisation-sketch.js";

type Sketch = typeof visualisationSketch extends Dialect<infer T> ? Dialect<T> : never;

const subjectOf = (dialect: Sketch) =>
  ({ dialect: defineDialect(dialect), phrasebook: visualisationBook, viewers: true, command: commandOf }) as const;
const commandOf = (type: string): string => JSON.stringify({ type });

conformanceTests(subjectOf(visualisationSketch));

describe("the conformance suite for viewers fails a dialect that", () => {
  const failures = async (dialect: Sketch): Promise<readonly string[]> => {
    const failed: string[] = [];
    for (const { section, name, run } of conformance(subjectOf(dialect))) {
      try {
        await run();
      } catch {
        failed.push(`${section}: ${name}`);
      }
    }
    return failed;
  };
  const { commands } = visualisationSketch;
  const handshake = (run: Sketch["commands"]["handshake"]["run"]): Sketch => ({
    ...visualisationSketch,
    commands: { ...commands, handshake: { ...commands.handshake, run } },
  });
  const logsIn = async (session: Parameters<Sketch["commands"]["handshake"]["run"]>[0], token = ""): Promise<void> => {
    const viewer = await (await session.services.identity.bearer(token, "x")).viewer();
    if (!viewer.scopes.has("observe")) throw new Fault("forbidden", "no", { fatal: true });
    await session.view(viewer, `control-${session.id}`);
  };
  const ready = (session: Parameters<Sketch["commands"]["handshake"]["run"]>[0]): void => {
    session.phase = "streaming";
    session.send({ type: "handshake_ack", payload: {} });
  };

  it("admits its viewers as agents", async () => {
    const failed = await failures(
      handshake(async (session, { token = "", clientId }) => {
        const agent = await (await session.services.identity.bearer(token, "x")).speakFor(clientId);
        if (!agent.scopes.has("observe")) throw new Fault("forbidden", "no", { fatal: true });
        await session.admit(agent, { listed: false });
        ready(session);
      }),
    );
    expect(failed).toEqual([
      "viewers: makes nobody of them: no name, no place in a list, no room, nobody displaced",
      "viewers: lets them hear nothing that is for everybody, nor what others are told",
      "commands: command as requests under a reserved name, proved, and each hears its own answer alone",
    ]);
  });

  it("takes any token", async () => {
    const failed = await failures(
      handshake(async (session) => {
        await session.view(principal("ada", "proved", { proof: "x", scopes: ["control"] }), `control-${session.id}`);
        ready(session);
      }),
    );
    expect(failed).toContain(
      "tokens: lets nobody in without a right: no token, a wrong one, one that others have, one without scopes",
    );
    expect(failed).toContain("tokens: commands nobody without the right to");
    expect(failed).toContain("tokens: ends when the token does, and says why");
  });

  it("tells a token", async () => {
    const failed = await failures(
      handshake(async (session, { token }) => {
        await logsIn(session, token);
        session.phase = "streaming";
        session.send({ type: "handshake_ack", payload: { token } });
      }),
    );
    expect(failed).toEqual(["tokens: tells nobody a token, and who has not logged in nothing at all"]);
  });

  it("takes nothing for commands", async () => {
    const free = { ...commands, "control.execute": { ...commands["control.execute"], cost: 0 } };
    expect(await failures({ ...visualisationSketch, commands: free })).toEqual([
      "costs: refuses a flood of commands, in the word for it, and lets the same client command again later",
    ]);
  });

  it("lets who may only look command", async () => {
    const open: Sketch["commands"]["control.execute"] = {
      ...commands["control.execute"],
      run(session, { id, targetAgent: to, command: message }) {
        session.request({ to, messageId: id, content: { message, kind: "control.execute" } }, { timeoutMs: 30_000 });
      },
    };
    expect(await failures({ ...visualisationSketch, commands: { ...commands, "control.execute": open } })).toEqual([
      "tokens: commands nobody without the right to",
    ]);
  });
});
