import { Fault, readJson, readSoftly, shapeProblemText, type Frame } from "#dialect";
import { commands, events, type EchoCommand, type EchoEvent, type EchoWord } from "./schema.js";

/** Deepest nesting of a frame. */
const depthMax = 16;

/** One text frame is one JSON object with a `type`. @throws Fault malformed, unsupported */
export function decode(frame: Frame): EchoCommand {
  const value = object(frame);
  const { type } = value;
  if (typeof type !== "string") throw new Fault("malformed", "type: missing, or no text");
  if (!isWord(type))
    throw new Fault("unsupported", `type: there is no such command; known are ${Object.keys(commands).join(", ")}`);
  const parsed = readSoftly(commands[type], value);
  if (parsed.success) return parsed.data;
  throw new Fault("malformed", `${type}: ${shapeProblemText(parsed.error, value)}`);
}

/** An event as the text frame it is. */
export function encode(event: EchoEvent): Frame {
  return JSON.stringify(event);
}

/** A frame of the broker's, for the client. @throws Fault malformed */
export function decodeEvent(frame: Frame): EchoEvent {
  const value = object(frame);
  const { type } = value;
  const schema =
    typeof type === "string" && Object.hasOwn(events, type) ? events[type as EchoEvent["type"]] : undefined;
  const parsed = schema?.safeParse(value);
  if (parsed?.success !== true) throw new Fault("malformed", "the broker said something that is no echo event");
  return parsed.data;
}

function object(frame: Frame): Readonly<Record<string, unknown>> {
  if (typeof frame !== "string") throw new Fault("malformed", "send text frames, not binary ones");
  const json = readJson(frame, depthMax);
  if ("problem" in json) throw new Fault("malformed", `the frame is ${json.problem}`);
  const { value } = json;
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Fault("malformed", "the frame is no JSON object");
  return value as Readonly<Record<string, unknown>>; // an object, just checked
}

/** `"type": "constructor"` is nobody's command. */
function isWord(type: string): type is EchoWord {
  return Object.hasOwn(commands, type);
}
