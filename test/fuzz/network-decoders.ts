import { isDeepStrictEqual } from "node:util";
import { codec } from "../../bridges/agent-network/codec.js";
import { jsonToMsgpack } from "../../bridges/agent-network/encodings/json-to-msgpack.js";
import { packedMessages } from "../../bridges/agent-network/encodings/msgpack-frame.js";
import { msgpackToJson } from "../../bridges/agent-network/encodings/msgpack-to-json.js";
import { socketPacket } from "../../bridges/agent-network/encodings/socket-io.js";
import { Fault } from "../../src/core/index.js";
import { framesOf } from "./corpus.js";
import { damagedBytes, damagedText } from "./damage.js";
import { must, type Decoder } from "./decoder.js";

const frames = framesOf("bridges/agent-network/vectors/commands.json").filter((frame) => isPackable(frame));
const packed = frames.map((frame) => jsonToMsgpack(frame));
const batches = [...packed, Buffer.concat([Buffer.from([0x93]), ...packed.slice(0, 3)])];
const packets = frames.flatMap((frame) => [`2${JSON.stringify(["message", frame])}`, `21["message",${frame}]`, "0{}"]);

function isPackable(frame: string): boolean {
  return valueOf(() => jsonToMsgpack(frame)) !== undefined;
}

/** What a decoder makes of its input; undefined if it throws a Fault, as it may. */
function valueOf<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch (thrown) {
    if (thrown instanceof Fault) return undefined;
    throw thrown;
  }
}

/** The encodings of Agent Network. */
export const networkDecoders: readonly Decoder[] = [
  {
    name: "Agent Network in MessagePack",
    once(dice) {
      const frame = damagedBytes(dice, batches);
      const messages = valueOf(() => packedMessages(frame, 50)) ?? [];
      let whole = 0;
      for (const message of messages) {
        if (message instanceof Fault) continue;
        const { header, content, bytes } = message;
        if (valueOf(() => codec.decode(header)) === undefined) continue;
        const told = JSON.parse(msgpackToJson(bytes)) as Record<string, unknown>;
        const text = content();
        const read = text === undefined ? {} : { content: JSON.parse(text) as unknown };
        const again = { ...(JSON.parse(header) as object), ...read };
        must(isDeepStrictEqual(again, told), "header and content are the message", told);
        whole += 1;
      }
      return whole > 0;
    },
  },
  {
    name: "JSON into MessagePack and back",
    once(dice) {
      // As it comes from a socket: no half of a character but as an escape.
      const text = Buffer.from(damagedText(dice, frames)).toString();
      const bytes = valueOf(() => jsonToMsgpack(text));
      if (bytes === undefined) return false;
      must(isDeepStrictEqual(JSON.parse(msgpackToJson(bytes)), JSON.parse(text)), "the value is the same", text);
      return true;
    },
  },
  {
    name: "packets of Socket.IO",
    once(dice) {
      const data = damagedText(dice, packets);
      const packet = valueOf(() => socketPacket(data));
      if (packet?.type === "event" && packet.payload !== undefined) {
        const { payload } = packet;
        valueOf(() => codec.decode(payload));
      }
      return packet !== undefined;
    },
  },
];
