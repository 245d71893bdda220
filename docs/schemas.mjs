// npm run schemas: what is said on the wire, as JSON Schema (draft 2020-12), from the schemas that the broker itself
// uses; and docs/asyncapi.json,
// which refers to them. With --check nothing is written; exit 1 tells that a file is out of date.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { dialects } from "../dist/bridges/index.js";
import { configSchema } from "../dist/src/config/index.js";
import { wireEnvelope } from "../dist/src/core/envelope-reading.js";
import { writtenEnvelope, writtenTrust } from "../dist/src/core/envelope-writing.js";
import { writtenMarks } from "../dist/src/core/marks.js";
import { writtenTime } from "../dist/src/core/moment.js";
import { deskAnswers, deskInforms, deskRequests } from "../dist/src/desk/contract.js";
import { asyncapi, isTyped } from "./asyncapi.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
/** Patterns of many languages know no \P{Cc}: controls are spelt out. */
const portable = (pattern) => pattern.replaceAll("\\P{Cc}", "[^\\u0000-\\u001f\\u007f-\\u009f]");
const form = (schema) =>
  z.toJSONSchema(schema, {
    io: "input",
    unrepresentable: "any",
    override: ({ jsonSchema }) => {
      if (jsonSchema.pattern !== undefined) jsonSchema.pattern = portable(jsonSchema.pattern);
    },
  });
/** The messages of a dialect, told apart by `type` where all have one. */
const byType = (title, messages) => {
  const schemas = Object.values(messages);
  return { title, ...form(isTyped(messages) ? z.discriminatedUnion("type", schemas) : z.union(schemas)) };
};
/** The broker's own messages, each under its `content.kind`. */
const byKind = (title, messages) => ({
  title,
  $schema: "https://json-schema.org/draft/2020-12/schema",
  oneOf: Object.keys(messages).map((kind) => ({ $ref: `#/$defs/${kind}` })),
  $defs: Object.fromEntries(
    Object.entries(messages).map(([kind, message]) => [kind, { ...form(message), $schema: undefined }]),
  ),
});
/**
 * An envelope as an agent hears it: between local agents the broker passes bytes, so it is what it takes, and what only
 * the broker says.
 */
const heardEnvelope = wireEnvelope.extend({
  trust: writtenTrust
    .describe("how well the sender's name is proved; the sender's own word unless from begins with $")
    .optional(),
  received_at: writtenTime
    .describe("set by the broker only, where timestamp is no ISO 8601 with its zone, or is a day off")
    .optional(),
  replay: z
    .boolean()
    .describe("set by the broker only: a room's past message, sent again because it was asked for")
    .optional(),
  $broker: writtenMarks.describe("set by the broker only: marks of a message that it has kept").optional(),
});
/** What the broker takes as a request: an envelope read leniently, around a content that is its own contract. */
const takenRequests = Object.fromEntries(
  Object.entries(deskRequests).map(([kind, request]) => [
    kind,
    wireEnvelope.extend({
      type: z.string().regex(/^[Rr][Ee][Qq][Uu][Ee][Ss][Tt]$/),
      content: request.shape.content,
    }),
  ]),
);

/** A schema whose fields are told as those of another are. */
const described = (schema, { properties }) => ({
  ...schema,
  properties: Object.fromEntries(
    Object.entries(schema.properties).map(([name, property]) => [
      name,
      {
        ...(properties[name]?.description !== undefined && { description: properties[name].description }),
        ...property,
      },
    ]),
  ),
});

/** What each dialect's clients say and hear. */
const vocabularies = Object.fromEntries(
  dialects.flatMap(({ name, title, vocabulary }) =>
    vocabulary === undefined
      ? []
      : [
          [`schemas/${name}-commands.json`, byType(`What clients of ${title} say`, vocabulary.commands)],
          [`schemas/${name}-events.json`, byType(`What clients of ${title} hear`, vocabulary.events)],
        ],
  ),
);

const files = {
  ...vocabularies,
  "schemas/envelope.json": {
    title:
      "A message on ZeroMQ (second frame) as agents hear it: from the broker, from SDKs, from plain sockets. Check what you hear by this",
    ...described(form(heardEnvelope), form(writtenEnvelope)),
  },
  "schemas/envelope-write.json": {
    title:
      "A message on ZeroMQ (second frame) as the broker and its SDKs write it: write so, and every reader can rely on it. Replays keep their sender's timestamp",
    ...form(writtenEnvelope),
  },
  "schemas/envelope-read.json": {
    title: "A message on ZeroMQ (second frame) as the broker reads it: everything that it takes, told leniently",
    ...form(wireEnvelope),
  },
  "schemas/broker-requests.json": byKind(
    "What agents ask of $broker, as it takes it; how an envelope should be written: envelope-write.json",
    takenRequests,
  ),
  "schemas/broker-answers.json": byKind("What $broker answers, on the asker's own topic", deskAnswers),
  "schemas/broker-informs.json": byKind(
    "What $broker says unasked: fault and room.invited on an agent's own topic, the rest on $events",
    deskInforms,
  ),
  "schemas/config.json": configSchema(),
  "docs/asyncapi.json": asyncapi(),
};

mkdirSync(`${root}schemas`, { recursive: true });
for (const [name, document] of Object.entries(files)) {
  const path = `${root}${name}`;
  const text = `${JSON.stringify(document, undefined, 2)}\n`;
  if (!process.argv.includes("--check")) writeFileSync(path, text);
  else if (readFileSync(path, "utf8") !== text) {
    console.error(`${name} is out of date: npm run build && npm run schemas`);
    process.exitCode = 1;
  }
}
