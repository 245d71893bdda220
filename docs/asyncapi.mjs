// The WebSocket side as an AsyncAPI 3.0 document, seen from the broker: it receives what clients say and sends what
// they hear. Messages refer to the
// JSON Schemas of schemas/; examples are the dialects' own vectors. Written by npm run schemas to docs/asyncapi.json.
import { readFileSync } from "node:fs";
import { dialects as inService } from "../dist/bridges/index.js";

const root = new URL("../", import.meta.url);
const json = (path) => JSON.parse(readFileSync(new URL(path, root), "utf8"));

/** Each dialect that has a vocabulary: where it is, what it can say and hear, and which events answer which command. */
const dialects = Object.fromEntries(
  inService.flatMap(({ name, title, paths: [address], subprotocols: [subprotocol], vocabulary }) =>
    vocabulary === undefined ? [] : [[name, { title, address, subprotocol, ...vocabulary }]],
  ),
);

/** The whole document. @throws Error where a command has no row in `answers`, or a row no command */
export function asyncapi() {
  const { version, license } = json("package.json");
  const each = Object.entries(dialects);
  return {
    asyncapi: "3.0.0",
    info: {
      title: "Synaptic Core, WebSocket side",
      version,
      description:
        "Agents of all dialects and of ZeroMQ meet on one set of names and rooms. At the path / the dialect is chosen by Sec-WebSocket-Protocol, else by the first frame.",
      license: { name: license },
    },
    defaultContentType: "application/json",
    servers: {
      local: {
        host: "127.0.0.1:8080",
        protocol: "ws",
        description: "broker start, as it comes; endpoints.json in the data directory tells where it listens.",
      },
    },
    channels: Object.fromEntries(each.map(([name, dialect]) => [name, channel(name, dialect)])),
    operations: Object.assign({}, ...each.map(([name, dialect]) => operations(name, dialect))),
    components: { messages: Object.assign({}, ...each.map(([name, dialect]) => messages(name, dialect))) },
  };
}

/** True if all messages of a dialect are told apart by a field `type`. */
export const isTyped = (messages) => Object.values(messages).every(({ shape }) => "type" in shape);
/** Where the schema of each message stands in the file of its dialect. */
const listOf = (messages) => (isTyped(messages) ? "oneOf" : "anyOf");

const says = (name, type) => `${name}.says.${type}`;
const hears = (name, type) => `${name}.hears.${type}`;

function channel(name, { title, address, description, subprotocol, commands, events }) {
  const all = [
    ...Object.keys(commands).map((type) => says(name, type)),
    ...Object.keys(events).map((type) => hears(name, type)),
  ];
  return {
    address,
    title,
    description,
    servers: [{ $ref: "#/servers/local" }],
    messages: Object.fromEntries(all.map((id) => [id, { $ref: `#/components/messages/${id}` }])),
    bindings: {
      ws: {
        method: "GET",
        headers: { type: "object", properties: { "Sec-WebSocket-Protocol": { type: "string", const: subprotocol } } },
        bindingVersion: "0.1.0",
      },
    },
  };
}

function operations(name, { title, commands, events, refused, answers }) {
  const differing = [
    ...Object.keys(commands).filter((type) => !Object.hasOwn(answers, type)),
    ...Object.keys(answers).filter((type) => !Object.hasOwn(commands, type)),
  ];
  if (differing.length > 0)
    throw new Error(
      `the vocabulary of ${title}: the answers of ${title} and its commands differ in ${differing.join(", ")}`,
    );
  const here = { $ref: `#/channels/${name}` };
  const message = (id) => ({ $ref: `#/channels/${name}/messages/${id}` });
  const asked = Object.keys(commands).map((type) => [
    says(name, type),
    {
      action: "receive",
      channel: here,
      messages: [message(says(name, type))],
      reply: { channel: here, messages: [...answers[type], refused].map((event) => message(hears(name, event))) },
    },
  ]);
  return {
    ...Object.fromEntries(asked),
    [`${name}.hears`]: {
      action: "send",
      channel: here,
      summary: `What a client of ${title} hears, asked or not`,
      messages: Object.keys(events).map((type) => message(hears(name, type))),
    },
  };
}

function messages(name, { commands, events }) {
  const said = Object.fromEntries(
    exampled(`bridges/${name}/vectors/commands.json`, (vector) => vector.command ?? vector.commands?.[0], "says"),
  );
  const heard = Object.fromEntries(
    ["answers", "events"].flatMap((file) =>
      exampled(`bridges/${name}/vectors/${file}.json`, (vector) => vector.event, "hears"),
    ),
  );
  return Object.fromEntries([
    ...Object.keys(commands).map((type, at) => [
      says(name, type),
      message(type, `../schemas/${name}-commands.json#/${listOf(commands)}/${String(at)}`, said[type]),
    ]),
    ...Object.keys(events).map((type, at) => [
      hears(name, type),
      message(type, `../schemas/${name}-events.json#/${listOf(events)}/${String(at)}`, heard[type]),
    ]),
  ]);
}

function message(type, schema, example) {
  return { name: type, payload: { $ref: schema }, ...(example !== undefined && { examples: [example] }) };
}

/**
 * The first vector of each type, as an example. Its type is the field `type` of what it says, or what the vector calls it
 * (`says`, `hears`): then the frame itself is the example.
 */
function exampled(path, of, called) {
  const examples = json(path).flatMap((vector) => {
    const { about: summary, frame } = vector;
    const own = vector[called];
    if (own !== undefined) return [[own, { summary, payload: frame === undefined ? of(vector) : JSON.parse(frame) }]];
    const said = of(vector);
    return said?.type === undefined ? [] : [[said.type, { summary, payload: said }]];
  });
  return examples.reverse();
}
