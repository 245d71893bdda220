import { isDeepStrictEqual } from "node:util";
import { readFrame } from "../../clients/typescript/agentchat/events.js";
import { codec as agentchat } from "../../bridges/agentchat/codec.js";
import { readPublicKey } from "../../bridges/agentchat/keys.js";
import { decode, decodeEvent } from "../../bridges/echo/codec.js";
import { readEvent } from "../../clients/typescript/pan/frames.js";
import { codec as pan } from "../../bridges/pan/codec.js";
import { plainChat } from "../../bridges/pan/plain-chat.js";
import { chat } from "../../bridges/pan/schema.js";
import { Fault, readEnvelope, readJson, repairSurrogates, writeEnvelope } from "../../src/core/index.js";
import { framesOf } from "./corpus.js";
import { damagedText } from "./damage.js";
import { must, type Decoder } from "./decoder.js";
import type { Dice } from "./dice.js";

const panFrames = framesOf("bridges/pan/vectors/commands.json", "bridges/pan/vectors/malformed.json");
const chatFrames = framesOf("bridges/agentchat/vectors/commands.json", "bridges/agentchat/vectors/malformed.json");
const echoFrames = framesOf("bridges/echo/vectors/commands.json", "bridges/echo/vectors/events.json");
const envelopes = framesOf("test/vectors/envelope.json", "test/vectors/desk.json");
const panEvents = framesOf("bridges/pan/vectors/events.json");
const chatEvents = framesOf("bridges/agentchat/vectors/events.json");
const plainChats = [
  '{"type":"chat","to":"bob","text":"hi"}',
  '{"type": "chat", "to": "#room", "text": "hi", "messageId": "1", "intent": "inform", "replyTo": "2"}',
  '{"to":"bob","text":"","type":"chat"}',
  '{"type":"chat","to":"bob","text":"ü\u{1F916}","messageId":"m"}',
];
const keys = [
  "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=",
  "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=",
  "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n",
];

/** Runs a decoder that may throw a Fault, and nothing else. @returns true if it threw none */
function faultOrGood(run: () => unknown, input: string): boolean {
  try {
    run();
    return true;
  } catch (thrown) {
    if (thrown instanceof Fault) return false;
    throw new Error(`something else than a Fault was thrown for ${JSON.stringify(input)}`, { cause: thrown });
  }
}

function envelopeOf(text: string): boolean {
  // What comes from a socket was UTF-8, which knows no halves of characters but escaped ones.
  const json = readJson(Buffer.from(text).toString(), 64);
  if ("problem" in json) return false;
  const context = { topic: "bob", receivedAt: 1_767_225_600_000, fallbackId: "unnamed", trust: "claimed" } as const;
  const reading = readEnvelope(json.value, context);
  if ("problem" in reading) return false;
  const again = readEnvelope(JSON.parse(writeEnvelope(reading.envelope)) as unknown, context);
  must("envelope" in again, "what is written can be read", text);
  if ("envelope" in again) {
    const { from, type, message_id: id, content } = reading.envelope;
    must(
      isDeepStrictEqual([again.envelope.from, again.envelope.type, again.envelope.message_id], [from, type, id]),
      "what is written says the same",
      text,
    );
    must(typeof content.message === "string", "a content has a text", text);
  }
  return true;
}

/** JSON.parse and the scan of it must agree about what parsers disagree about; half a character is read as U+FFFD. */
function jsonOf(text: string): boolean {
  const reading = readJson(text, 16);
  let value: unknown;
  try {
    value = JSON.parse(repairSurrogates(text));
  } catch {
    must("problem" in reading, "what JSON.parse refuses is refused", text);
    return false;
  }
  const depth = depthOf(value);
  if ("value" in reading)
    must(
      depth <= 16 && isDeepStrictEqual(reading.value, value),
      "what is read is what was said, no deeper than allowed",
      text,
    );
  else if (depth > 16) must(reading.problem.includes("deeper"), "what is too deep is told to be", text);
  return "value" in reading;
}

function depthOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Object.values(value).reduce<number>((deepest, inner) => Math.max(deepest, depthOf(inner)), 0);
}

function plainOf(dice: Dice): boolean {
  const frame = damagedText(dice, plainChats);
  const plain = plainChat(frame);
  if (plain === undefined) return false;
  const json = readJson(frame, 64);
  must(
    "value" in json && isDeepStrictEqual(chat.safeParse(json.value).data, plain),
    "what the quick reader accepts, the schema reads the same way",
    frame,
  );
  return true;
}

const of = (name: string, corpus: readonly string[], accepts: (text: string) => boolean): Decoder => ({
  name,
  once: (dice) => accepts(damagedText(dice, corpus)),
});

/** Every decoder of texts. */
export const textDecoders: readonly Decoder[] = [
  of("core readJson against JSON.parse", [...envelopes, ...chatFrames], jsonOf),
  of("core readEnvelope, there and back", envelopes, envelopeOf),
  of("PAN codec.decode", panFrames, (text) => faultOrGood(() => pan.decode(text), text)),
  { name: "PAN plain-chat against the schema", once: plainOf },
  of("PAN client readEvent", panEvents, (text) => readEvent(text).kind === "event"),
  of("AgentChat codec.decode", chatFrames, (text) => faultOrGood(() => agentchat.decode(text), text)),
  of("AgentChat client readFrame", chatEvents, (text) =>
    readFrame(text, 1_767_225_600_000).some((event) => !(event instanceof Error)),
  ),
  of("AgentChat readPublicKey", keys, (text) => readPublicKey(text) !== undefined),
  of("echo decode", echoFrames, (text) => faultOrGood(() => decode(text), text)),
  of("echo client decodeEvent", echoFrames, (text) => faultOrGood(() => decodeEvent(text), text)),
];
