import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { deskAnswers, deskInforms, deskRequests, publicKinds, type PublicKind } from "../../src/desk/contract.js";
import { deskKinds } from "../../src/desk/kinds.js";
import { writtenEnvelope } from "../../src/core/index.js";
import { Agent } from "../../src/index.js";
import { DroppedEvents } from "../../src/directory/index.js";
import { startBroker, type TestBroker } from "../kit/broker.js";
import { ZeromqWorld } from "../kit/zeromq-world.js";
import { PlainAgent, type Heard, type WireMessage } from "../kit/plain-agent.js";
import { issueToken } from "../kit/tokens.js";

interface Asked {
  readonly about: string;
  readonly kind: string;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly answer?: Readonly<Record<string, unknown>> | null;
  /** At least this is in the answer. */
  readonly has?: Readonly<Record<string, unknown>>;
  readonly fault?: string;
  readonly replays?: number;
}

function json(path: string): unknown {
  return JSON.parse(readFileSync(new URL(`../../${path}`, import.meta.url), "utf8"));
}

/** A schema file as other languages read it. */
function fromFile(path: string): z.ZodType {
  return z.fromJSONSchema(json(path) as Parameters<typeof z.fromJSONSchema>[0]);
}

const { asks } = json("test/vectors/desk.json") as { readonly asks: readonly Asked[] };
const files = {
  envelope: fromFile("schemas/envelope.json"),
  written: fromFile("schemas/envelope-write.json"),
  read: fromFile("schemas/envelope-read.json"),
  requests: fromFile("schemas/broker-requests.json"),
  answers: fromFile("schemas/broker-answers.json"),
  informs: fromFile("schemas/broker-informs.json"),
};

/** The message fits its schema to the last field, and the file that was made from it. */
function fits(message: WireMessage, schema: z.ZodType, file: z.ZodType): void {
  expect(schema.parse(message)).toEqual(message);
  for (const each of [file, files.envelope, files.written, files.read])
    expect(each.safeParse(message).error).toBeUndefined();
}

/** What the broker says unasked fits the schema of its kind. */
function fitsInform(message: WireMessage): void {
  const [, schema] = Object.entries(deskInforms).find(([kind]) => kind === message.content["kind"]) ?? [];
  if (schema === undefined) throw new Error(`no schema for what the broker says: ${JSON.stringify(message)}`);
  fits(message, schema, files.informs);
}

function publicKind(word: string): PublicKind {
  const kind = publicKinds.find((known) => known === word);
  if (kind === undefined) throw new Error(`no agent may ask for ${word}`);
  return kind;
}

it("publishes every kind but those that need a right", () => {
  const ofContacts = ["contacts.add", "contacts.remove", "contacts.list", "network.forget"];
  const ofWatching = ["trace", "losses", "logins.refused", "certificates", "sessions.list", "sessions.close"];
  const ofTokens = ["tokens.list", "tokens.revoke"];
  const ofOperator = ["mailbox.list", "broker.status", ...ofContacts, ...ofWatching, ...ofTokens];
  const ofCommanders = ["multi-agent.configure", "multi-agent.remove"];
  const reserved = [...ofOperator, ...ofCommanders];
  expect(publicKinds).toEqual(Object.keys(deskKinds).filter((kind) => !reserved.includes(kind)));
  for (const published of [deskRequests, deskAnswers]) expect(Object.keys(published)).toEqual(publicKinds);
});

it("has a vector for every public kind", () => {
  expect(publicKinds.filter((kind) => asks.every((asked) => asked.kind !== kind))).toEqual([]);
});

describe("the vectors of $broker, at a real one", () => {
  let at: TestBroker;
  let ada: PlainAgent;
  beforeAll(async () => {
    at = await startBroker({ limits: { faultsPerSecondMax: asks.length } });
    ada = await new PlainAgent("ada", at, { declare: true }).meet();
    ada.heard.length = 0;
  });
  afterAll(async () => {
    ada.close();
    await at.stop();
  });

  it.each(asks)("hold: $about", async ({ kind, data, answer, has, fault, replays }) => {
    const request = await ada.send("$broker", "request", kind, {
      content: { message: kind, kind, ...(data !== undefined && { data }) },
    });
    const { message } = await ada.hears((heard) => heard.message.in_reply_to === request.message_id);
    if (fault !== undefined) {
      fitsInform(message);
      expect(message).toMatchObject({ type: "inform", content: { kind: "fault", data: { code: fault } } });
      if (fault === "malformed" || fault === "unsupported")
        expect(files.requests.safeParse(request).success).toBe(false);
      return;
    }
    fits(request, deskRequests[publicKind(kind)], files.requests);
    fits(message, deskAnswers[publicKind(kind)], files.answers);
    if (has === undefined) expect(named(message.content["data"])).toEqual(answer);
    else expect(message.content["data"]).toMatchObject(has);
    if (replays === 0) expect(ada.heard.filter(isReplay)).toEqual([]);
  });
});

describe("what $broker says unasked", () => {
  let at: TestBroker;
  let listener: PlainAgent;
  beforeAll(async () => {
    at = await startBroker();
    listener = await new PlainAgent("listener", at, { declare: true, topics: ["listener", "$events"] }).meet();
  });
  afterAll(async () => {
    listener.close();
    await at.stop();
  });

  it("fits its schemas: who comes and goes, rooms, invitations, refusals", async () => {
    const event = async (kind: string): Promise<WireMessage> =>
      (await listener.hears(({ topic, message }) => topic === "$events" && message.content["kind"] === kind)).message;
    const owner = await new PlainAgent("owner", at, { token: await issueToken(at.dataDir, "owner") }).meet();
    const guest = await new PlainAgent("guest", at, { token: await issueToken(at.dataDir, "guest") }).meet();
    for (const agent of [owner, guest]) agent.heard.length = 0;
    fitsInform(await event("agent.online"));

    fits(
      await owner.asks("room.create", { room: "#secret", invite_only: true }),
      deskAnswers["room.create"],
      files.answers,
    );
    fits(
      await owner.asks("room.invite", { room: "#secret", agent: "guest" }),
      deskAnswers["room.invite"],
      files.answers,
    );
    fitsInform((await guest.hears(({ message }) => message.content["kind"] === "room.invited")).message);

    await guest.asks("room.join", { room: "#open" });
    for (const kind of ["room.created", "room.joined"]) fitsInform(await event(kind));
    await guest.asks("room.leave", { room: "#open" });
    fitsInform(await event("room.left"));

    const refused = await owner.send("nobody", "request", "?");
    fitsInform((await owner.hears(({ message }) => message.in_reply_to === refused.message_id)).message);
    owner.close();
    fitsInform(await event("agent.offline"));
    guest.close();
  });

  it("fits its schemas: what voters and observers are asked and told", async () => {
    const voter = await new PlainAgent("voter", at).meet();
    const participants = [
      { id: "voter", role: "voter" },
      { id: "listener", role: "observer" },
    ];
    fits(
      await listener.asks("coordination.start", { participants, parameters: { proposal: { type: "sale" } } }),
      deskAnswers["coordination.start"],
      files.answers,
    );
    const told = async (agent: PlainAgent, kind: string): Promise<WireMessage> =>
      (await agent.hears(({ message }) => message.content["kind"] === kind)).message;
    fitsInform(await told(voter, "coordination.vote"));
    fitsInform(await told(listener, "coordination.vote"));
    await voter.send("$broker", "response", "hm");
    for (const agent of [voter, listener]) fitsInform(await told(agent, "coordination.result"));
    fits(await listener.asks("coordination.list"), deskAnswers["coordination.list"], files.answers);
    voter.close();
  });

  it("sums up refusals in the form of a fault", async () => {
    for (let n = 0; n < 30; n += 1) await listener.send("nobody", "request", "?");
    const { message } = await listener.hears(
      (heard) =>
        heard.message.content["kind"] === "fault" && JSON.stringify(heard.message.content["data"]).includes('"count"'),
    );
    fitsInform(message);
  });

  it("tells of losses in its schema's form", async () => {
    const world = new ZeromqWorld();
    const told: unknown[] = [];
    world.router.subscribe("$events", { deliver: ({ payload }) => told.push(JSON.parse(payload.toString())) > 0 });
    const losses = new DroppedEvents(world.exchange, world.clock);
    for (const agent of ["slow", undefined]) losses.report({ agent, dropped: 3, since: 0 });
    expect(told).toHaveLength(2);
    for (const message of told) fitsInform(message as WireMessage);
    await world.close();
  });

  it("replays a room's past as informs that fit the envelope", async () => {
    const speaker = await Agent.connect({ name: "speaker", in: at.zmqIn, out: at.zmqOut });
    await speaker.join("#past");
    for (const text of ["one", "two"]) await speaker.inform("#past", text);
    await speaker.close(); // it has been read
    const answer = await listener.asks("room.history", { room: "#past", count: 5 });
    fits(answer, deskAnswers["room.history"], files.answers);
    for (const text of ["one", "two"]) {
      const replayed = await listener.hears(isReplay);
      expect(replayed).toMatchObject({
        topic: "listener",
        message: { to: "#past", type: "inform", content: { message: text } },
      });
      fits(replayed.message, writtenEnvelope, files.envelope);
    }
  });
});

describe("what the SDK writes", () => {
  it("fits the strict envelope", async () => {
    const at = await startBroker();
    const plain = await new PlainAgent("plain", at).meet();
    const ada = await Agent.connect({ name: "ada", displayName: "Ada", in: at.zmqIn, out: at.zmqOut });
    const answered = ada.request(
      "plain",
      { message: "what?", kind: "k", data: { n: 1 } },
      { conversationId: "c1", priority: "HIGH" },
    );
    const asked = (await plain.hears(({ message }) => message.type === "request")).message;
    fits(asked, writtenEnvelope, files.envelope);
    await plain.send("ada", "response", "that", { in_reply_to: asked.message_id });
    await answered;
    ada.onRequest(() => "yes");
    await plain.send("ada", "request", "?", { conversation_id: "c2" });
    fits(
      (await plain.hears(({ message }) => message.type === "response" && message.from === "ada")).message,
      writtenEnvelope,
      files.envelope,
    );
    await ada.close();
    plain.close();
    await at.stop();
  });
});

function isReplay({ message }: Heard): boolean {
  return message["replay"] === true;
}

/** Lists by the names in them. */
function named(data: unknown): unknown {
  if (typeof data !== "object" || data === null) return null;
  return Object.fromEntries(
    Object.entries(data).map(([key, value]: [string, unknown]) => [
      key,
      Array.isArray(value)
        ? value.map((one: unknown) => (typeof one === "object" && one !== null && "name" in one ? one.name : one))
        : value,
    ]),
  );
}
