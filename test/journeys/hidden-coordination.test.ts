import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startBroker, type TestBroker } from "../kit/broker.js";
import { NetworkAgent } from "../kit/network-agent.js";
import { PlainAgent, type WireMessage } from "../kit/plain-agent.js";
import { issueToken } from "../kit/tokens.js";
import { ViewerWire, type ViewerFrame } from "../kit/viewer-wire.js";

describe("a coordination that names an agent which is listed to its contacts only", () => {
  let at: TestBroker;
  const open: { close(): unknown }[] = [];
  const keep = <T extends { close(): unknown }>(thing: T): T => {
    open.push(thing);
    return thing;
  };
  beforeEach(async () => {
    at = await startBroker({ "agent-network": { contacts: "listed" } });
  });
  afterEach(async () => {
    for (const thing of open.splice(0)) await thing.close();
    await at.stop();
  });

  const looks = async (endpoint: "graph" | "control", scope: "observe" | "inspect"): Promise<ViewerWire> =>
    keep(await ViewerWire.open(at, endpoint, await issueToken(at.dataDir, "watcher", "jwt", { scopes: [scope] }), {}));
  const asks = async (viewer: ViewerWire, command: string, parameters: object = {}): Promise<ViewerFrame> => {
    viewer.say({ id: command, type: "control.execute", payload: { targetAgent: "$broker", command, parameters } });
    return viewer.hears(({ metadata }) => JSON.stringify({ metadata }).includes(`"${command}"`));
  };

  it("is shown to inspect alone, at the beginning, on its way and at the desk (Visualisation §3.5)", async () => {
    keep(await NetworkAgent.enter(at, "nadia"));
    const ada = await keep(new PlainAgent("ada", at)).meet();
    const [observer, inspector] = [await looks("graph", "observe"), await looks("graph", "inspect")];
    const says = (kind: string, data: object): Promise<WireMessage> =>
      ada.send("$telemetry", "inform", kind, { content: { message: kind, kind, data } });
    const participants = [{ id: "nadia", role: "bidder" }];
    await says("coordination.initiated", { coordinationId: "hidden", pattern: "AUCTION", participants });
    await says("coordination.progress", { coordinationId: "hidden", progress: 0.5, status: "BIDDING" });
    await says("coordination.initiated", { coordinationId: "open", pattern: "AUCTION" });

    const initiated = await observer.hears(({ type }) => type === "coordination.initiated");
    expect(initiated.payload["coordinationId"]).toBe("open");
    expect(JSON.stringify(observer.frames)).not.toContain("hidden");
    await inspector.hears(({ type }) => type === "coordination.initiated");
    expect((await inspector.hears(({ type }) => type === "coordination.progress")).payload).toMatchObject({
      coordinationId: "hidden",
    });

    const desk = await looks("control", "observe");
    const list = await asks(desk, "coordination.list");
    expect(list.payload["result"]).toMatchObject({ data: { coordinations: [{ coordinationId: "open" }] } });
    const status = await asks(desk, "coordination.status", { coordinationId: "hidden" });
    expect(status.payload).toMatchObject({ code: "AGENT_NOT_FOUND" });
    const whole = await asks(await looks("control", "inspect"), "coordination.status", { coordinationId: "hidden" });
    expect(whole.payload["result"]).toMatchObject({ data: { initiated: { participants } } });
  });
});
