import { describe, expect, it } from "vitest";
import { defineDialect, type AnyDialect, type DialectTypes, type Rules } from "../../src/dialect/index.js";
import { ConformanceWorld } from "../../src/conformance/world.js";
import { settled } from "../../src/conformance/conversation.js";
import { probe } from "../kit/probe-dialect.js";
import { agentChatSketch, signedText } from "./agentchat-sketch.js";
import { visualisationSketch } from "./visualisation-sketch.js";

const sketches: readonly AnyDialect[] = [defineDialect(agentChatSketch), defineDialect(visualisationSketch)];
const world = (): ConformanceWorld =>
  new ConformanceWorld([
    ...sketches,
    probe({ answer: (s) => void s.say({ to: "alice", content: { message: "agreed" } }) }),
  ]);

describe("the contract", () => {
  it("has room for AgentChat: a key is taken, then proved; a proved key is challenged first", async () => {
    const at = world();
    const ada = at.connect("/agentchat");
    await ada.says('{"type":"PING"}\n{"type":"IDENTIFY","name":"ada","pubkey":"k1"}');
    await ada.hears({ type: "PONG" });
    await ada.hears({ type: "WELCOME", agent_id: "@k1" });
    const { challenge_id, nonce } = await ada.hears({ type: "CHALLENGE" });
    expect(at.directory.agent("k1")?.trust).toBe("claimed");
    await ada.says({
      type: "VERIFY_IDENTITY",
      challenge_id,
      signature: signedText(String(nonce), String(challenge_id), 5),
      timestamp: 5,
    });
    await ada.hears({ type: "VERIFY_SUCCESS", agent_id: "@k1" });
    expect(at.directory.agent("k1")?.trust).toBe("proved");

    const thief = at.connect("/agentchat");
    at.identity.protectedNames.add("k1");
    await thief.says({ type: "IDENTIFY", name: "ada", pubkey: "k1" });
    expect(thief.all().map(({ type }) => type)).toEqual(["CHALLENGE"]);
    await thief.says({ type: "MSG", to: "@k1", content: "hi" });
    await thief.hears({ type: "ERROR", code: "AUTH_REQUIRED", ref: "MSG" });
    expect(thief.closing).toBeUndefined();

    const bob = at.connect("/agentchat");
    await bob.says({ type: "IDENTIFY", name: "bob" });
    for (const client of [ada, bob]) await client.says({ type: "JOIN", channel: "#general" });
    ada.all();
    bob.all();
    await bob.says({ type: "MSG", to: "#general", content: "hello" });
    for (const client of [ada, bob]) await client.hears({ type: "MSG", to: "#general", content: "hello" });
    await bob.says({ type: "JOIN", channel: "#nowhere" });
    await bob.hears({ type: "ERROR", ref: "JOIN" });
    at.expectSound();
  });

  it("has room for visualisation: binary streams by variant, timers, viewers that cannot keep up", async () => {
    const at = world();
    const viewers = [];
    for (const [clientId, capabilities] of [
      ["v1", ["binary"]],
      ["v2", ["binary"]],
      ["v3", []],
    ] as const) {
      const viewer = at.connect("/agents/ws");
      await viewer.says({ type: "handshake", capabilities, clientId, token: "observing ada" });
      viewers.push(viewer.connection);
    }
    const [one, slow, json] = viewers;
    if (one === undefined || slow === undefined || json === undefined) throw new Error("three viewers");
    expect(at.directory.agents()).toEqual([]);
    await at.connect("/probe").says({ type: "login", name: "carol" });
    slow.buffered = at.limits.wsBacklogMaxBytes;
    for (const viewer of viewers) viewer.frames.length = 0;
    at.clock.advance(300);
    expect(one.frames).toHaveLength(3);
    expect(one.frames[0]).toBeInstanceOf(Buffer);
    expect((one.frames[0] as Buffer).toString("latin1", 0, 4)).toBe("AGNT");
    expect((one.frames[0] as Buffer).length).toBe(12 + 28);
    expect(JSON.parse(String(json.frames[0]))).toMatchObject({ type: "positions", positions: [{ id: 1 }] });
    expect(slow.frames).toEqual([]);
    slow.buffered = 0;
    slow.receiver?.drained?.();
    expect(slow.frames).toHaveLength(3);
    const heartbeat = Buffer.from("41474e54060000080000018cd4b6f800", "hex");
    one.says(heartbeat);
    one.says(Buffer.from("nonsense"));
    await settled();
    expect(one.frames.slice(-2).map((frame) => (JSON.parse(String(frame)) as { type: string }).type)).toEqual([
      "heartbeat",
      "error",
    ]);
    await at.bridges.drain(AbortSignal.timeout(1_000));
    await at.bridges.stop();
    at.clock.advance(60_000);
    expect(at.clock.waiting).toBe(0);
  });

  it("does not compile without a rule for every command, nor with one for none", () => {
    type Command = { readonly type: "one" } | { readonly type: "two"; readonly text: string };
    interface Small extends DialectTypes {
      command: Command;
      event: string;
      phase: "greeting" | "ready";
    }
    type Table = Rules<Small>;
    const whole: Table = {
      one: { phase: "any", run: () => undefined },
      two: {
        phase: "any",
        cost: ({ text }) => text.length,
        run: (session, { text }) => {
          session.send(text);
        },
      },
    };
    // @ts-expect-error: `two` is missing
    const partly: Table = { one: { phase: "any", run: () => undefined } };
    // @ts-expect-error: nobody says `three`
    const more: Table = { ...whole, three: { phase: "any", run: () => undefined } };
    const other: Table = {
      ...whole,
      one: {
        phase: "any",
        // @ts-expect-error: `one` has no text
        run: (_session, { text }) => {
          if (text === undefined) return;
        },
      },
    };
    const events: Table = {
      ...whole,
      one: {
        phase: "any",
        run: (session) => {
          // @ts-expect-error: events of this dialect are strings
          session.send(7);
        },
      },
    };
    // @ts-expect-error: there is no such phase
    const misspelt: Table = { ...whole, one: { phase: "reddy", run: () => undefined } };
    const lost: Table = {
      ...whole,
      one: {
        phase: "greeting",
        run: (session) => {
          // @ts-expect-error: there is no such phase
          session.phase = "reddy";
        },
      },
    };
    const tables = [whole, partly, more, other, events, misspelt, lost];
    expect(tables.map((table) => Object.keys(table).length)).toEqual([2, 1, 3, 2, 2, 2, 2]);
  });

  it("keeps a dialect's types its own: a list holds them all, and none can be fed another's commands", () => {
    const names = sketches.map((dialect) =>
      dialect.with(({ name, commands }) => `${name}: ${Object.keys(commands).length}`),
    );
    expect(names).toEqual(["agentchat-sketch: 7", "visualisation-sketch: 4"]);
    // @ts-expect-error: its commands are never known outside
    const wrong = (dialect: AnyDialect): unknown => dialect.commands;
    expect(sketches.map(wrong)).toEqual([undefined, undefined]);
  });
});
