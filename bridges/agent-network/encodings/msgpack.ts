import { Fault, readJson, repairSurrogates, type Codec, type Frame } from "#dialect";
import { codec as json } from "../codec.js";
import type { Command, Event, NetworkMessage } from "../schema.js";
import { jsonToMsgpack } from "./json-to-msgpack.js";
import { packedMessages, type PackedMessage } from "./msgpack-frame.js";

/** The same messages in MessagePack: a binary frame holds one, or a batch of them; what is sent is never a batch. */
export function msgpackCodec(batchMax: () => number): Codec<Command, Event> {
  return {
    decode(frame) {
      if (typeof frame === "string")
        throw new Fault("malformed", "frames of agent-network.v1.msgpack are MessagePack in binary frames, not text");
      return packedMessages(frame, batchMax()).flatMap((message) =>
        message instanceof Fault ? [message] : commandsOf(message),
      );
    },
    // Only what others say can hold half a character, and only as an escape.
    encode: (event) => jsonToMsgpack(repairSurrogates(String(json.encode(event)))),
  };
}

/** The header goes the way of a JSON frame, so that both are read by one rule. */
function commandsOf(message: PackedMessage): readonly (Command | Fault)[] {
  try {
    return json
      .decode(message.header)
      .map((command) => (command instanceof Fault || command.type === "AUTH" ? command : packed(command, message)));
  } catch (thrown) {
    if (thrown instanceof Fault) return [thrown];
    throw thrown;
  }
}

function packed<C extends Exclude<Command, { readonly type: "AUTH" }>>(command: C, message: PackedMessage): C {
  return { ...command, message: new PackedNetworkMessage(command.message, message) };
}

/** A message whose content is put into JSON, and read, when it is asked for. */
class PackedNetworkMessage implements NetworkMessage {
  readonly header: NetworkMessage["header"];
  readonly raw: Frame;
  readonly #message: PackedMessage;

  constructor({ header }: Pick<NetworkMessage, "header">, message: PackedMessage) {
    this.header = header;
    this.raw = message.bytes;
    this.#message = message;
  }

  content(): Readonly<Record<string, unknown>> {
    const json = readJson(this.#message.content() ?? "{}");
    if ("problem" in json) throw new Fault("malformed", `content: ${json.problem}`);
    return json.value as Readonly<Record<string, unknown>>; // made of a map
  }
}
