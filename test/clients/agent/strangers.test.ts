import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocketServer } from "ws";
import { Publisher } from "zeromq";
import { EchoClient } from "../../../clients/typescript/echo/client.js";
import { readFrame } from "../../../clients/typescript/agentchat/events.js";
import { readEvent } from "../../../clients/typescript/pan/frames.js";
import type { EchoEvent } from "../../../bridges/echo/schema.js";
import { Agent } from "../../../src/index.js";
import { startBroker, type TestBroker } from "../../kit/broker.js";

const lists = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);
const objects = (levels: number): string => '{"a":'.repeat(levels) + "1" + "}".repeat(levels);

/** Values that a stranger can write in the place of any other, as JSON. */
const nonsense = [
  ...[65, 5_000].flatMap((levels) => [lists(levels), objects(levels)]),
  ...["1e999", "-1e999", "9".repeat(5_000), "null", "true", "[]", "{}", '""', '"\\ud83d"', "-0", "1e-999"],
  '{"__proto__":{"message":"x"}}',
  '{"toString":1,"constructor":2,"then":3}',
  '{"message":null,"kind":{"kind":[]}}',
  '{"kind":"fault","data":{"code":{},"retry_after_ms":"x","subscription":[]}}',
];
const fields = ["message_id", "timestamp", "from", "to", "type", "priority", "content", "in_reply_to", "hops"];
const more = ["conversation_id", "expires_at", "from_name", "trust", "replay", "__proto__", "constructor", "x"];
const rare = ["wait_ms", "receipt", "ephemeral", "accepts", "parent", "traceparent", "tracestate", "$broker"];
const texts = nonsense.flatMap((value) => [
  value,
  ...[...fields, ...more, ...rare].map((field) => messageWith(field, value)),
]);

/** A message with a value in one field, and three with the value deeper in its content. */
function messageWith(field: string, value: string): string {
  const plain = { from: '"mallory"', type: '"inform"', content: '"x"', [field]: value };
  if (field === "x") plain.content = `{"message":${value},"kind":${value},"data":${value}}`;
  const pairs = Object.entries(plain).map(([key, json]) => `"${key}":${json}`);
  return `{${field === "__proto__" ? `"__proto__":${value},` : ""}${pairs.join(",")}}`;
}

/** The first message with the text "after" that an agent hears. */
async function hearsAfter(agent: Agent): Promise<void> {
  for await (const { content } of agent) if (content.message === "after") return;
  throw new Error("the agent was closed");
}

describe("an agent that hears what a stranger made up", () => {
  let at: TestBroker;
  beforeEach(async () => {
    at = await startBroker();
  });
  afterEach(async () => {
    await at.stop();
  });

  it.each(["over ZeroMQ", "in the broker's own process"])("%s hears the next message", async (where) => {
    const unread: unknown[] = [];
    const options = {
      inboxMax: 10_000,
      log: (level: string, event: string) => {
        if (level !== "info") unread.push(event);
      },
    };
    const doors = { in: at.zmqIn, out: at.zmqOut };
    const ada =
      where === "over ZeroMQ"
        ? await Agent.connect({ ...doors, ...options, name: "ada" })
        : at.broker.agent("ada", options);
    const heard = hearsAfter(ada);
    const mallory = new Publisher({ sendHighWaterMark: 0 });
    mallory.connect(at.zmqIn);
    const bob = await Agent.connect({ ...doors, name: "bob" });
    // A publisher that has just connected drops what it sends: it says the first again until that is read.
    const over = new AbortController();
    const saying = (async () => {
      while (!over.signal.aborted) {
        for (const text of texts) await mallory.send(["ada", text]);
        await mallory.send(["ada", '{"from":"mallory","type":"inform","content":"after"}']);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    })();
    await heard;
    over.abort();
    await saying;
    mallory.close();
    expect(unread).not.toContain("a message could not be taken");
    ada.onRequest(() => "here");
    expect((await bob.request("ada", "?")).content.message).toBe("here");
    await Promise.all([ada.close(), bob.close()]);
  });
});

describe("clients that read what a server made up", () => {
  it("say what is wrong with it, and throw nothing", () => {
    for (const text of texts) {
      for (const type of ["chat", "list", "error", "system"]) {
        const frame = `{"type":"${type}","from":${text},"agents":[${text}],"x":${text}}`;
        expect(["event", "unknown", "garbage"]).toContain(readEvent(frame).kind);
        expect(JSON.stringify(readEvent(frame))).toBeTypeOf("string");
      }
      for (const type of ["MSG", "ERROR", "AGENTS", "WELCOME"])
        for (const event of readFrame(`{"type":"${type}","from":"@a","content":${text},"x":${text}}`, 0))
          expect(JSON.stringify(event)).toBeTypeOf("string");
    }
  });

  it("of the echo dialect are told, and hear the next event", async () => {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    await new Promise((resolve) => server.once("listening", resolve));
    server.on("connection", (socket) => {
      socket.send('{"type":"welcome","name":"ada"}');
      for (const text of texts) socket.send(text);
      socket.send('{"type":"echo","text":"after"}');
    });
    const { port } = server.address() as { readonly port: number };
    const heard: EchoEvent[] = [];
    let done: () => void;
    const after = new Promise<void>((resolve) => (done = resolve));
    const ada = await EchoClient.connect({
      url: `ws://127.0.0.1:${port}/`,
      name: "ada",
      onEvent: (event) => {
        heard.push(event);
        if (event.type === "echo") done();
      },
    });
    await after;
    expect(heard.filter(({ type }) => type === "refused")).toHaveLength(texts.length);
    await ada.close();
    await new Promise<void>((resolve) => {
      server.close(() => {
        resolve();
      });
    });
  });
});
