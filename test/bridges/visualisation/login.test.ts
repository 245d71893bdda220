import { describe, expect, it } from "vitest";
import { agentWorld, greeted } from "./kit.js";

const endpoints = ["/agents/ws", "/api/visualisation/agents/ws", "/api/graph/ws", "/api/control/ws"] as const;

describe("a login (Visualisation §1.2, §1.3)", () => {
  it.each(endpoints)("by a token in the handshake at %s", async (path) => {
    const { viewer } = agentWorld(path);
    await viewer.says({ type: "handshake", capabilities: [], token: "viewing eye" });
    await viewer.hears({ type: "handshake_ack" });
    expect(viewer.closing).toBeUndefined();
  });

  it.each(endpoints)("by the token of the upgrade at %s", async (path) => {
    const { viewer } = agentWorld(path, {}, "viewing eye");
    await viewer.says({ type: "handshake", capabilities: [] });
    await viewer.hears({ type: "handshake_ack" });
  });

  it.each([
    ["no token", undefined],
    ["a wrong one", "nonsense"],
    ["one that others have", "shared"],
    ["one without a right", "own ada"],
  ])("fails by %s: AUTH_FAILED with a remedy, then 4401", async (_what, token) => {
    const { viewer } = agentWorld();
    await viewer.says({ type: "handshake", capabilities: [], ...(token !== undefined && { token }) });
    const { payload } = await viewer.hears({ type: "error" });
    expect(payload).toMatchObject({ code: "AUTH_FAILED", recoverable: true, details: { stackTrace: null } });
    expect(viewer.closing).toMatchObject({ code: 4401 });
  });

  it("tells a wrong token of the upgrade at once", async () => {
    const { viewer } = agentWorld("/agents/ws", {}, "nonsense");
    expect(await viewer.hears({ type: "error" })).toMatchObject({ payload: { code: "AUTH_FAILED" } });
    expect(viewer.closing).toMatchObject({ code: 4401 });
  });

  it.each([{ type: "heartbeat" }, { type: "streams.select", streams: [] }, { type: "nonsense" }, { hello: 1 }])(
    "comes first: %j before it ends the connection",
    async (frame) => {
      const { viewer } = agentWorld();
      await viewer.says(frame);
      expect(await viewer.hears({ type: "error" })).toMatchObject({ payload: { code: "AUTH_FAILED" } });
      expect(viewer.closing).toMatchObject({ code: 4401 });
    },
  );

  it("has 5 s", async () => {
    const { world, viewer } = agentWorld();
    await viewer.says({ type: "version.negotiate", supported: ["2.0"] });
    await viewer.hears({ type: "version.selected" });
    world.clock.advance(5_001);
    expect(await viewer.hears({ type: "error" })).toMatchObject({ payload: { code: "AUTH_FAILED" } });
    expect(viewer.closing).toMatchObject({ code: 4401 });
  });

  it("happens once", async () => {
    const { viewer } = await greeted();
    await viewer.says({ id: "again", type: "handshake", capabilities: [], token: "viewing eye" });
    expect(await viewer.hears({ type: "error" })).toMatchObject({
      payload: { code: "INVALID_MESSAGE", details: { requestId: "again" } },
    });
    expect(viewer.closing).toBeUndefined();
  });

  it("is nobody's: no agent, no name, no room", async () => {
    const { world } = await greeted("/agents/ws");
    expect(world.directory.agents()).toEqual([]);
  });

  it("never repeats the token, in frames or in the log", async () => {
    const { world, viewer } = await greeted();
    await viewer.says({ type: "auth.refresh", token: "viewing eye" });
    await viewer.hears({ type: "auth.refreshed" });
    const told = viewer.connection.frames.map(String).join("\n") + JSON.stringify(world.log);
    expect(told).not.toContain("viewing eye");
  });
});

describe("a newer token (Visualisation §1.8)", () => {
  it.each(["viewing mallory", "nonsense", "shared"])(
    "of somebody else, or a wrong one, changes nothing: %s",
    async (token) => {
      const { viewer } = await greeted();
      await viewer.says({ id: "r", type: "auth.refresh", token });
      expect(await viewer.hears({ type: "error" })).toMatchObject({
        payload: { code: "AUTH_FAILED", details: { requestId: "r" } },
      });
      await viewer.says({ type: "heartbeat", payload: 7 });
      await viewer.hears({ type: "heartbeat", payload: 7 });
      expect(viewer.closing).toBeUndefined();
    },
  );
});
