import { z } from "zod";
import { displayName, envelopeIdMax, messageTypes, type Envelope } from "./envelope.js";
import { writtenMarks } from "./marks.js";
import { writtenTime } from "./moment.js";
import { writtenRare } from "./rare-fields.js";
import { repairSurrogates } from "./surrogates.js";

/** The envelope as the JSON text that goes out on ZeroMQ, keys in the order of ZeroMQ §1.2. */
export function writeEnvelope(envelope: Envelope): string {
  const { other, ...fields } = envelope;
  return repairSurrogates(JSON.stringify(other === undefined ? fields : { ...other, ...fields }));
}

/** How well a speaker's name is proved. */
export const writtenTrust = z.enum(["claimed", "shared", "proved"]);

/**
 * The fields of an envelope as the broker and its SDKs write them. It is stricter than `wireEnvelope`, so that every
 * reader can rely on it.
 */
export const writtenEnvelope = z.strictObject({
  message_id: z.string().min(1).max(envelopeIdMax),
  timestamp: writtenTime,
  from: z.string().min(1).describe("the sender's name"),
  to: z.string().min(1).describe("an agent's name, #room, all, $broker; the same as the first ZeroMQ frame"),
  type: z.enum(messageTypes).describe("a request asks for one response; responses and informs are never answered"),
  priority: z.enum(["LOW", "NORMAL", "HIGH"]),
  content: z.looseObject({
    message: z.string().describe("always text that a person or a model can read"),
    kind: z.string().describe("names what data holds; absent: chat").exactOptional(),
    data: z.unknown().exactOptional(),
  }),
  in_reply_to: z.string().max(envelopeIdMax).describe("message_id of what this answers, or is about").exactOptional(),
  conversation_id: z.string().max(envelopeIdMax).exactOptional(),
  expires_at: writtenTime.describe("not delivered after it; ISO 8601 with its zone").exactOptional(),
  from_name: displayName.describe("for people; never an address").exactOptional(),
  hops: z.int().min(0).max(255).exactOptional(),
  ...writtenRare,
  trust: writtenTrust.describe("set by the broker only: how well the sender's name is proved").exactOptional(),
  received_at: writtenTime
    .describe("set by the broker only, where timestamp is no ISO 8601 with its zone, or is a day off")
    .exactOptional(),
  replay: z
    .boolean()
    .describe("set by the broker only: a room's past message, sent again because it was asked for")
    .exactOptional(),
  $broker: writtenMarks.describe("set by the broker only: marks of a message that it has kept").exactOptional(),
}) satisfies z.ZodType<Omit<Envelope, "other">>;
