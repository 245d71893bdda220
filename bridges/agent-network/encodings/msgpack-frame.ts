import { Fault, jsonText } from "#dialect";
import { outerKeysMax } from "../scan.js";
import { idMax } from "../schema.js";
import { MsgpackReader } from "./msgpack-reader.js";
import { msgpackToJson } from "./msgpack-to-json.js";

/** One message of a MessagePack frame. */
export interface PackedMessage {
  /** The message as JSON text, in which the `content` is `{}` if it is a map. */
  readonly header: string;
  /** The map that is its `content`, as JSON text; undefined if it has none. */
  readonly content: () => string | undefined;
  /** The bytes of this message alone, as they came. */
  readonly bytes: Buffer;
}

/**
 * The messages of a binary frame: a map is one, a list is a batch of them. `content` is passed over; all of it is
 * looked at, so that whatever is accepted can be told in JSON.
 * @returns what is wrong in the place of a message that is refused by itself
 * @throws Fault malformed, too-large: the frame as a whole
 */
export function packedMessages(frame: Buffer, batchMax: number): readonly (PackedMessage | Fault)[] {
  const reader = new MsgpackReader(frame);
  const kind = reader.head();
  if (kind !== "list") {
    reader.at = 0;
    const message = nextMessage(reader, frame);
    mustEnd(reader);
    return [message];
  }
  const count = reader.value;
  if (count === 0) throw new Fault("malformed", "a batch holds one message at least");
  if (count > batchMax)
    throw new Fault("too-large", `a batch holds ${batchMax} messages at most, this one has ${count}; send several`);
  const messages: (PackedMessage | Fault)[] = [];
  while (messages.length < count) messages.push(nextMessage(reader, frame));
  mustEnd(reader);
  return messages;
}

function mustEnd({ isOver }: MsgpackReader): void {
  if (isOver) return;
  const words = "MessagePack: a frame is one map, or one list of maps, and nothing more (msgpackr: useRecords: false)";
  throw new Fault("malformed", words);
}

/** @throws Fault malformed: where the next one begins cannot be known */
function nextMessage(reader: MsgpackReader, frame: Buffer): PackedMessage | Fault {
  const start = reader.at;
  const kind = reader.head();
  if (kind !== "map" || reader.value > outerKeysMax) {
    reader.pass(kind, 0);
    const problem =
      kind === "map"
        ? `a message has ${outerKeysMax} fields at most; put more into its content`
        : "a message is a map; a batch is a list of maps, and no list of batches";
    return new Fault("malformed", reader.takeProblem() ?? problem);
  }
  const { parts, content, messageId } = fieldsOf(reader, reader.value);
  const problem = reader.takeProblem();
  if (problem !== undefined)
    return new Fault("malformed", problem, messageId === undefined ? {} : { detail: { messageId } });
  return {
    header: `{${parts.map((part) => (typeof part === "string" ? part : fieldText(frame, part))).join()}}`,
    content: () => (content === undefined ? undefined : msgpackToJson(frame, content.start, content.end)),
    bytes: frame.subarray(start, reader.at),
  };
}

/** Where a field and its value stand. */
interface Field {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

function fieldText(frame: Buffer, { name, start, end }: Field): string {
  return `${jsonText(name)}:${msgpackToJson(frame, start, end)}`;
}

interface Fields {
  readonly parts: readonly (Field | string)[];
  readonly content: Field | undefined;
  readonly messageId: string | undefined;
}

/** The fields of a message that are not its `content`. */
function fieldsOf(reader: MsgpackReader, count: number): Fields {
  const parts: (Field | string)[] = [];
  let content: Field | undefined;
  let messageId: string | undefined;
  for (let left = count; left > 0; left -= 1) {
    const name = reader.key(0);
    const start = reader.at;
    const kind = reader.head();
    const isId = name === "messageId" && kind === "text" && reader.value <= idMax;
    if (isId) messageId = reader.text();
    else reader.pass(kind, 1);
    const field = { name, start, end: reader.at };
    if (name === "content" && kind === "map") {
      content = field;
      parts.push('"content":{}');
    } else parts.push(field);
  }
  return { parts, content, messageId };
}
