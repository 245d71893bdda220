import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import * as agentchatEvents from "../../bridges/agentchat/events.js";
import * as agentchat from "../../bridges/agentchat/schema.js";
import { agentchat as agentchatDialect } from "../../bridges/agentchat/index.js";
import { pan as panDialect } from "../../bridges/pan/index.js";
import * as pan from "../../bridges/pan/schema.js";

type Node = Readonly<Record<string, unknown>>;
const docs = new URL("../../docs/", import.meta.url);

function read(path: string): Node {
  return JSON.parse(readFileSync(new URL(path, docs), "utf8")) as Node;
}

/** What stands at a JSON pointer (RFC 6901). @throws Error where nothing does */
function at(document: Node, pointer: string): Node {
  let found: unknown = document;
  for (const step of pointer.split("/").slice(1)) {
    const key = step.replaceAll("~1", "/").replaceAll("~0", "~");
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, key))
      throw new Error(`nothing is at ${pointer}`);
    found = (found as Node)[key];
  }
  return found as Node;
}

/** What a reference leads to, in this document or in a file beside it. */
function follow({ $ref }: Node): Node {
  const [file, pointer] = String($ref).split("#");
  return at(file === undefined || file === "" ? document : read(file), pointer ?? "");
}

/** Every object in a value that is a reference. */
function* references(value: unknown): Iterable<Node> {
  if (typeof value !== "object" || value === null) return;
  if (Object.hasOwn(value, "$ref")) yield value as Node;
  for (const inner of Object.values(value)) yield* references(inner);
}

/** Keywords of a JSON Schema, at any depth. */
function* keywords(schema: unknown): Iterable<string> {
  if (typeof schema !== "object" || schema === null) return;
  if (Array.isArray(schema)) {
    for (const inner of schema) yield* keywords(inner);
    return;
  }
  for (const [keyword, value] of Object.entries(schema)) {
    yield keyword;
    if (keyword === "properties") for (const property of Object.values(value as Node)) yield* keywords(property);
    else if (!["const", "enum", "default", "examples"].includes(keyword)) yield* keywords(value);
  }
}

const document = read("asyncapi.json");
const channels = document["channels"] as Readonly<Record<string, Node>>;
const operations = document["operations"] as Readonly<Record<string, Node>>;
const messages = at(document, "/components/messages") as Readonly<Record<string, Node>>;

/** Keywords that draft 7 has, which is what AsyncAPI 3 reads without being told otherwise. */
const draft7 = [
  "type",
  "properties",
  "required",
  "additionalProperties",
  "const",
  "enum",
  "items",
  "minLength",
  "maxLength",
  "minimum",
  "maximum",
  "exclusiveMinimum",
  "exclusiveMaximum",
  "pattern",
  "format",
  "description",
  "readOnly",
  "anyOf",
  "oneOf",
  "allOf",
  "propertyNames",
  "$ref",
];

describe("the AsyncAPI document", () => {
  it("has what AsyncAPI 3.0 wants of every document", () => {
    expect(document).toMatchObject({
      asyncapi: "3.0.0",
      info: { title: expect.any(String) as string, version: read("../package.json")["version"] },
    });
    const known = ["asyncapi", "id", "info", "servers", "defaultContentType", "channels", "operations", "components"];
    expect(Object.keys(document).filter((key) => !known.includes(key))).toEqual([]);
    for (const { host, protocol } of Object.values(document["servers"] as Readonly<Record<string, Node>>))
      expect([host, protocol]).toEqual(["127.0.0.1:8080", "ws"]);
    for (const key of [...Object.keys(channels), ...Object.keys(operations), ...Object.keys(messages)])
      expect(key).toMatch(/^[A-Za-z0-9._-]+$/);
  });

  it("has no reference that leads nowhere", () => {
    const all = [...references(document)];
    expect(all.length).toBeGreaterThan(100);
    for (const reference of all) expect(follow(reference)).toBeTypeOf("object");
  });

  it("has the paths and subprotocols of the doors", () => {
    for (const { name, paths, subprotocols } of [panDialect, agentchatDialect]) {
      expect(paths).toContain(channels[name]?.["address"]);
      expect(subprotocols).toContain(
        at(channels[name] ?? {}, "/bindings/ws/headers/properties/Sec-WebSocket-Protocol")["const"],
      );
    }
  });

  it.each<[string, Readonly<Record<string, z.ZodType>>, Readonly<Record<string, z.ZodType>>]>([
    ["pan", pan.commands, pan.events],
    ["agentchat", agentchat.commands, agentchatEvents.events],
  ])(
    "has every message of %s, under the schema of its own type, with examples that fit it",
    (name, commands, events) => {
      const expected = new Map([
        ...Object.entries(commands).map(([type, schema]) => [`${name}.says.${type}`, schema] as const),
        ...Object.entries(events).map(([type, schema]) => [`${name}.hears.${type}`, schema] as const),
      ]);
      expect(Object.keys(channels[name]?.["messages"] ?? {})).toEqual([...expected.keys()]);
      for (const [id, schema] of expected) {
        const message = follow(at(channels[name] ?? {}, `/messages/${id}`));
        expect(id.endsWith(`.${String(message["name"])}`)).toBe(true);
        const payload = follow(message["payload"] as Node);
        expect(at(payload, "/properties/type")["const"]).toBe(message["name"]);
        expect([...new Set(keywords(payload))].filter((keyword) => !draft7.includes(keyword))).toEqual([]);
        for (const example of (message["examples"] ?? []) as readonly { payload: unknown }[]) {
          expect(schema.safeParse(example.payload).error).toBeUndefined();
          expect(
            z.fromJSONSchema(payload as Parameters<typeof z.fromJSONSchema>[0]).safeParse(example.payload).error,
          ).toBeUndefined();
        }
      }
      const unshown = [...expected.keys()].filter((id) => messages[id]?.["examples"] === undefined);
      expect(unshown).toEqual([]);
    },
  );

  it.each([
    ["pan.says.join", "pan.hears.chat"],
    ["agentchat.says.JOIN", "agentchat.hears.MSG"],
  ])("tells that %s with history is followed by %s", (command, event) => {
    const [channel] = command.split(".");
    expect(at(operations[command] ?? {}, "/reply/messages")).toContainEqual({
      $ref: `#/channels/${channel ?? ""}/messages/${event}`,
    });
  });

  it.each([
    ["pan", pan.events],
    ["agentchat", agentchatEvents.events],
  ] as const)(
    "shows answers of %s with no field that they do not have",
    (name, events: Readonly<Record<string, z.ZodObject>>) => {
      for (const { event } of read(`../bridges/${name}/vectors/answers.json`) as unknown as readonly {
        readonly event: { readonly type: string };
      }[])
        expect(events[event.type]?.strict().parse(event)).toEqual(event);
    },
  );

  it("has an operation for each command, which may be refused, and one for all that is heard", () => {
    for (const [name, commands, events, refused] of [
      ["pan", pan.commands, pan.events, "error"],
      ["agentchat", agentchat.commands, agentchatEvents.events, "ERROR"],
    ] as const) {
      for (const type of Object.keys(commands)) {
        const operation = operations[`${name}.says.${type}`];
        expect(operation).toMatchObject({
          action: "receive",
          channel: { $ref: `#/channels/${name}` },
          messages: [{ $ref: `#/channels/${name}/messages/${name}.says.${type}` }],
        });
        const replies = at(operation ?? {}, "/reply/messages") as unknown as readonly Node[];
        expect(replies).toContainEqual({ $ref: `#/channels/${name}/messages/${name}.hears.${refused}` });
      }
      const heard = operations[`${name}.hears`];
      expect(heard).toMatchObject({ action: "send", channel: { $ref: `#/channels/${name}` } });
      expect(heard?.["messages"]).toHaveLength(Object.keys(events).length);
    }
  });
});
