import { describe, expect, it } from "vitest";
import type { Heard } from "../../../../src/conformance/conversation.js";
import { CommandWorld, executes } from "./kit.js";

/** As the document writes it. */
const payload = {
  "multi-agentId": "multi-agent-001",
  configuration: {
    topology: "HIERARCHICAL",
    coordinationStrategy: "consensus",
    faultTolerance: { enabled: true, redundancy: 2, heartbeatInterval: 5_000 },
    performanceTargets: { maxLatency: 100, minThroughput: 1_000, targetSuccessRate: 0.99 },
  },
};
const configures = (id: string, own: object = payload): Heard => ({
  id,
  type: "control.multi-agent.configure",
  timestamp: "2024-01-10T12:00:00Z",
  payload: own,
});
const configured = { type: "control.multi-agent.configured" };

describe("the configuration of a multi-agent by a viewer", () => {
  it("is kept, answered, and told to the other viewers of commands once", async () => {
    const at = new CommandWorld();
    const [olga, otto] = [await at.commands(), await at.commands("observing otto")];
    await olga.says(configures("msg-132"));
    const told = { ...payload, by: "olga", at: "2026-01-01T00:00:00.000Z" };
    expect(await olga.hears(configured)).toMatchObject({
      payload: { ...told, requestId: "msg-132" },
      metadata: { correlationId: "msg-132", priority: "critical" },
    });
    const heard = await otto.hears(configured);
    expect(heard["payload"]).toEqual(told);
    expect(heard["metadata"]).toBeUndefined();
    await olga.hearsNothing();
    await otto.hearsNothing();
    await otto.says(
      executes("1", {
        targetAgent: "$broker",
        command: "multi-agent.get",
        parameters: { "multi-agentId": "multi-agent-001" },
      }),
    );
    expect(await otto.hears({ type: "control.result" })).toMatchObject({ payload: { result: { data: told } } });
  });

  it("that comes in another way is told to all, also to another session of who has done it", async () => {
    const at = new CommandWorld();
    const [olga, twin] = [await at.commands(), await at.commands()];
    await olga.says(executes("1", { targetAgent: "$broker", command: "multi-agent.configure", parameters: payload }));
    for (const session of [olga, twin]) await session.hears(configured);
    await olga.hears({ type: "control.result" });
  });

  it("needs control", async () => {
    const at = new CommandWorld();
    const [olga, eve] = [await at.commands(), await at.commands("observing eve")];
    await eve.says(configures("msg-132"));
    expect(await eve.hears({ type: "error" })).toMatchObject({ payload: { code: "AUTH_FAILED" } });
    await olga.hearsNothing();
  });

  it("is refused where a field is wrong, and can be said again under the same id", async () => {
    const at = new CommandWorld();
    const olga = await at.commands();
    await olga.says(configures("msg-132", { ...payload, configuration: { topology: 7 } }));
    expect(await olga.hears({ type: "error" })).toMatchObject({
      payload: { code: "INVALID_MESSAGE", details: { requestId: "msg-132" } },
    });
    await olga.says(configures("msg-132"));
    await olga.hears(configured);
    await olga.says(configures("msg-132", { ...payload, configuration: {} }));
    expect(await olga.hears(configured)).toMatchObject({ payload });
  });

  it("beyond as many as may be kept fails", async () => {
    const at = new CommandWorld({ multiAgentsMax: 1 });
    const olga = await at.commands();
    await olga.says(configures("1"));
    await olga.hears(configured);
    await olga.says(configures("2", { ...payload, "multi-agentId": "another" }));
    expect(await olga.hears({ type: "error" })).toMatchObject({ payload: { code: "COMMAND_FAILED" } });
  });

  it("is not told to who does not listen to it", async () => {
    const at = new CommandWorld();
    const [olga, deaf] = [await at.commands(), await at.commands("observing eve")];
    await deaf.says({ type: "deaf" });
    await olga.says(configures("1"));
    await olga.hears(configured);
    await deaf.hearsNothing();
  });
});
