import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Scope } from "../../../src/core/index.js";
import { startBroker, type TestBroker } from "../../kit/broker.js";
import { PlainAgent } from "../../kit/plain-agent.js";
import { issueToken } from "../../kit/tokens.js";

/** What is said in one round, by where it goes; `event`: what the broker tells of an invite-only room. */
const kinds = [
  "public room",
  "all",
  "data topic",
  "packed data",
  "$events",
  "$telemetry",
  "direct",
  "direct, nobody there",
  "to $broker",
  "from $broker",
  "invite-only room",
  "event",
] as const;
type Kind = (typeof kinds)[number];

const everybodys: readonly Kind[] = ["public room", "all", "data topic", "packed data", "$events", "$telemetry"];
const open: readonly Kind[] = kinds.filter((kind) => kind !== "invite-only room" && kind !== "event");

/** What a tap hears, by the scopes of its token; `claimed`: without a token, from this machine. */
const table: readonly (readonly [string, readonly Scope[] | "claimed", readonly Kind[]])[] = [
  ["observe", ["observe"], everybodys],
  ["inspect", ["inspect"], kinds],
  ["observe and inspect", ["observe", "inspect"], kinds],
  ["control, approve, edit and operate", ["control", "approve", "edit", "operate"], []],
  ["no scope", [], []],
  ["no token, from this machine", "claimed", open],
];

describe("what taps and prefixes hear of others' talk (ZeroMQ §6.2)", () => {
  let at: TestBroker;
  let round = 0;
  const agents: PlainAgent[] = [];
  const keep = (agent: PlainAgent): PlainAgent => {
    agents.push(agent);
    return agent;
  };
  let ada: PlainAgent;
  let boss: PlainAgent;

  beforeAll(async () => {
    at = await startBroker({ topics: ["team.prices"], limits: { zmqNamingMs: 10 } });
    ada = await keep(new PlainAgent("team.ada", at, { declare: true })).meet();
    boss = await keep(new PlainAgent("team.boss", at, { token: await issueToken(at.dataDir, "team.boss") })).meet();
    await boss.asks("room.create", { room: "#secret", invite_only: true });
  });
  afterAll(async () => {
    for (const agent of agents) agent.close();
    await at.stop();
  });

  /** A connection that hears its own name and `topics`. */
  const listener = async (scopes: readonly Scope[] | "claimed", topics: readonly string[]): Promise<PlainAgent> => {
    const name = `ear-${(round += 1)}`;
    return keep(
      scopes === "claimed"
        ? new PlainAgent(name, at, { declare: true, topics: [name, ...topics] })
        : new PlainAgent(name, at, {
            token: await issueToken(at.dataDir, name, "zmq", { scopes }),
            topics: [name, ...topics],
          }),
    ).meet();
  };

  /** Everything is said once, and the listener has heard what it will. */
  const talk = async (ear: PlainAgent): Promise<readonly Kind[]> => {
    await ear.settled();
    ear.heard.length = 0;
    const mark = `round ${round}`;
    await boss.asks("room.create", { room: `#made-${round}` });
    await boss.asks("room.create", { room: `#hidden-${round}`, invite_only: true });
    const packed = "\u0001\u0002.";
    for (const to of ["#general", "all", "team.prices", packed, "team.boss", "team.nobody"])
      await ada.send(to, "inform", mark);
    const report = { message: mark, kind: "telemetry.position", data: { x: round, y: 0, z: 0 } };
    await ada.send("$telemetry", "inform", mark, { content: report });
    const asked = await ada.send("$broker", "request", mark, { content: { message: mark, kind: "ping" } });
    await ada.hears(({ message }) => message.in_reply_to === asked.message_id);
    await boss.send("#secret", "inform", mark);
    await boss.settled();
    await ear.settled();
    const heard = ear.heard.filter(({ topic }) => topic !== ear.name);
    const said = (topic: string): boolean =>
      heard.some((one) => one.topic === topic && one.message.content.message === mark);
    const told = (room: string): boolean =>
      heard.some(({ topic, message }) => topic === "$events" && JSON.stringify(message).includes(room));
    const found: Readonly<Record<Kind, boolean>> = {
      "public room": said("#general"),
      all: said("all"),
      "data topic": said("team.prices"),
      "packed data": said(packed),
      $events: told(`#made-${round}`),
      $telemetry: said("$telemetry"),
      direct: said("team.boss"),
      "direct, nobody there": said("team.nobody"),
      "to $broker": said("$broker"),
      "from $broker": heard.some(({ message }) => message.in_reply_to === asked.message_id),
      "invite-only room": said("#secret"),
      event: told(`#hidden-${round}`),
    };
    return kinds.filter((kind) => found[kind]);
  };

  it.each(table)("a tap with %s", async (_, scopes, expected) => {
    const ear = await listener(scopes, [""]);
    if (expected.length === 0)
      expect((await ear.hears(({ message }) => message.content["kind"] === "fault")).message.content).toMatchObject({
        message: expect.stringContaining("--scope observe") as string,
        data: { code: "forbidden", subscription: "" },
      });
    expect(await talk(ear)).toEqual(expected);
  });

  it.each(table)("a prefix with %s", async (_, scopes, expected) => {
    const begins: readonly Kind[] = ["data topic", "direct", "direct, nobody there", "from $broker"];
    expect(await talk(await listener(scopes, ["team."]))).toEqual(expected.filter((kind) => begins.includes(kind)));
  });

  it("a tap with observe hears its own name and its rooms all the same", async () => {
    const ear = await listener(["observe"], ["", "#general"]);
    await ada.send(ear.name, "inform", "for you");
    await ada.send("#general", "inform", "for the room");
    for (const text of ["for you", "for the room"]) await ear.hears(({ message }) => message.content.message === text);
  });
});
