import { Fault, readJson, readSoftly, shapeProblemText, type Codec, type Frame } from "#dialect";
import { BinaryProblem, encodeError, encodeHeartbeat, readFrames, type BinaryFrame } from "./binary/index.js";
import { open } from "./compression.js";
import type { Event } from "./events.js";
import { commands, flat, soft, type Command } from "./schema.js";
import type { State, ViewerSession } from "./state.js";
import { outletOf } from "./streams/outlet.js";

/** Messages in one frame of a client's at most. */
export const messagesMax = 64;
/** Longest id that a refusal repeats, characters. */
const idMax = 256;

type Session = Pick<ViewerSession, "state" | "limits"> & Parameters<typeof outletOf>[0];

/** What a refusal has to know of what could not be read; the rest of a fault's `detail` is told. */
export interface Unread {
  readonly type?: string;
  readonly requestId?: string;
  readonly correlationId?: string;
  readonly via?: string;
  readonly format?: "binary";
}

/**
 * Where a fault keeps its {@link Unread}: under no name that a message could have.
 */
// bound: faults that are being told · evicts: with the fault · owner: codec
const unreadOf = new WeakMap<Fault, Unread>();

/** What is known of what could not be read. */
export function unreadIn(fault: Fault): Unread {
  return unreadOf.get(fault) ?? {};
}

function unread(message: string, known: Unread, code: "malformed" | "unsupported" = "malformed"): Fault {
  const fault = new Fault(code, message);
  unreadOf.set(fault, known);
  return fault;
}

/** JSON text, binary frames, and compressed batches of either (Visualisation §2). */
export function codecOf(session: Session): Codec<Command, Event> {
  return {
    decode: (frame: Frame) =>
      typeof frame === "string" ? [textCommand(frame, session)] : binaryCommands(frame, session),
    encode,
  };
}

function encode(event: Event): Frame {
  if (event.format === undefined) return JSON.stringify(event);
  if (event.type === "heartbeat") return bufferOf(encodeHeartbeat(event.at));
  try {
    return bufferOf(encodeError(event.json.payload, 3));
  } catch (thrown) {
    if (thrown instanceof BinaryProblem) return JSON.stringify(event.json);
    throw thrown;
  }
}

function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** @throws Fault malformed */
function binaryCommands(frame: Buffer, session: Session): readonly (Command | Fault)[] {
  const { state, limits } = session;
  mayBeBinary(state);
  const maxCompressedBytes = state.compression === undefined ? 0 : limits.wsFrameMaxBytes;
  return framesIn(frame, maxCompressedBytes).flatMap((each) =>
    each.type === "compressed" ? batchCommands(each, session) : [frameCommand(each, state)],
  );
}

/** @throws Fault unsupported */
function mayBeBinary({ binary, compression }: State): void {
  if (binary || compression !== undefined) return;
  throw unread(
    "binary frames are not granted here: ask for them by capabilities [binary] in the handshake, and speak version 1.1 or above",
    {},
    "unsupported",
  );
}

/** @throws Fault malformed */
function framesIn(bytes: Uint8Array, maxCompressedBytes: number): readonly BinaryFrame[] {
  let frames: readonly BinaryFrame[];
  try {
    frames = readFrames(bytes, { maxCompressedBytes });
  } catch (thrown) {
    if (thrown instanceof BinaryProblem) throw unread(thrown.message, { format: "binary" });
    throw thrown;
  }
  if (frames.length > messagesMax) throw unread(tooMany, { format: "binary" });
  return frames;
}

const tooMany = `one message holds ${String(messagesMax)} frames or messages at most; nothing of this one was read`;

function frameCommand(
  frame: Exclude<BinaryFrame, { readonly type: "compressed" }>,
  { binary }: State,
): Command | Fault {
  if (!binary) return unread("without `binary` a compressed batch of JSON is the only binary frame", {}, "unsupported");
  if (frame.type === "heartbeat") return { type: "heartbeat", format: "binary", at: frame.at };
  if (frame.type === "error") return { type: "error", format: "binary" };
  const message = `frames of ${frame.type} are the broker's to send; a client sends heartbeats, errors and batches`;
  return unread(message, { format: "binary", type: frame.type });
}

/** @throws Fault malformed, too-large */
function batchCommands(
  { originalSize, data }: Extract<BinaryFrame, { readonly type: "compressed" }>,
  session: Session,
): readonly (Command | Fault)[] {
  const { state, limits } = session;
  if (state.compression === undefined) return [];
  let bytes: Buffer;
  try {
    bytes = open(state.compression.algorithm, data, originalSize, limits.wsFrameMaxBytes);
  } catch (thrown) {
    if (thrown instanceof Fault && state.binary) unreadOf.set(thrown, { format: "binary" });
    throw thrown;
  }
  if (bytes[0] === 0x41) {
    const frames = framesIn(bytes, 0);
    return frames.flatMap((each) => (each.type === "compressed" ? [] : [frameCommand(each, state)]));
  }
  const lines = bytes
    .toString("utf8")
    .split("\n", 2 * messagesMax)
    .filter((line) => line.trim() !== "");
  if (lines.length > messagesMax) throw unread(tooMany, {});
  if (lines.length === 0) throw unread("a compressed batch holds binary frames, or JSON messages on lines", {});
  return lines.map((line) => {
    try {
      return textCommand(line, session);
    } catch (thrown) {
      // Refused in its turn, so that the others are not lost.
      if (thrown instanceof Fault) return thrown;
      throw thrown;
    }
  });
}

type Fields = Readonly<Record<string, unknown>>;

/** @throws Fault malformed, unsupported */
function textCommand(text: string, session: Session): Command {
  const json = readJson(text);
  if ("problem" in json) throw unread(json.problem, {});
  const { value } = json;
  if (!isFields(value)) throw unread("a message is a JSON object", {});
  if (!("channel" in value) || "type" in value) return commandOf(value, undefined);
  const via = viaOf(value, session);
  if (!isFields(value["message"])) throw unread("message: must be an object, the message itself", { via });
  return commandOf(value["message"], via);
}

/** The channel of a message in one, whose number is taken note of (Visualisation §4.2). @throws Fault malformed */
function viaOf({ channel, sequence, message }: Fields, session: Session): string {
  const about = isFields(message) ? aboutOf(message) : {};
  if (!session.state.multiplexing)
    throw unread("channels are not granted here: ask for multiplexing in the handshake", about, "unsupported");
  if (typeof channel !== "string") throw unread("channel: must be text", about);
  const { channels } = outletOf(session);
  if (typeof sequence !== "number" || !Number.isSafeInteger(sequence) || sequence < 1)
    throw unread("sequence: must be a whole number from 1", {
      ...about,
      ...(channels.has(channel) && { via: channel }),
    });
  try {
    channels.hear(channel, sequence);
  } catch (thrown) {
    if (thrown instanceof Fault) unreadOf.set(thrown, { ...about, ...(channels.has(channel) && { via: channel }) });
    throw thrown;
  }
  return channel;
}

/** @throws Fault malformed, unsupported */
function commandOf(value: Fields, via: string | undefined): Command {
  const { type } = value;
  const about: Unread = { ...aboutOf(value), ...(via !== undefined && { via }) };
  if (typeof type !== "string") throw unread(`type: is missing; it is one of ${known}`, about);
  if (!isKnown(type)) throw unread(`type: it is none of ${known}`, about, "unsupported");
  const read = plain(flat.has(type) ? flattened(value) : value);
  const parsed = readSoftly(commands[type], read, soft);
  if (!parsed.success) throw unread(`${type}: ${shapeProblemText(parsed.error, read)}`, about);
  return via === undefined ? parsed.data : { ...parsed.data, via };
}

const known = Object.keys(commands).join(", ");

function isKnown(type: string): type is keyof typeof commands {
  return Object.hasOwn(commands, type);
}

/** Fields of the payload as if they stood at the top; what does stand there goes before. */
function flattened(value: Fields): Fields {
  const { payload, ...top } = value;
  return isFields(payload) ? { ...payload, ...top } : value;
}

/** Null in a field that may be absent counts as absent, also within `metadata` and `payload`. */
function plain(value: Fields): Fields {
  const { metadata, payload } = value;
  return {
    ...value,
    ...(isFields(metadata) && { metadata: withoutNull(metadata) }),
    ...(isFields(payload) && value["type"] !== "heartbeat" && { payload: withoutNull(payload) }),
  };
}

function withoutNull(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
}

/** What the refusal names of a message that cannot be read. */
function aboutOf({ type, id, metadata }: Fields): Unread {
  const correlationId = isFields(metadata) ? textOf(metadata["correlationId"]) : undefined;
  const requestId = textOf(id);
  const said = textOf(type);
  return {
    ...(said !== undefined && { type: said }),
    ...(requestId !== undefined && { requestId }),
    ...(correlationId !== undefined && { correlationId }),
  };
}

function textOf(value: unknown): string | undefined {
  if (typeof value === "number") return String(value);
  return typeof value === "string" && value.length <= idMax ? value : undefined;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
