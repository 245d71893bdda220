import { Fault, jsonText } from "#dialect";
import { mayNest, MsgpackReader } from "./msgpack-reader.js";

/**
 * One MessagePack value as the same value in JSON text: keys in their order, each number the same IEEE double; bytes
 * are their base64 text. No objects are made of it.
 * @throws Fault malformed
 */
export function msgpackToJson(bytes: Buffer, start = 0, end = bytes.length): string {
  const reader = new MsgpackReader(bytes, start, end);
  const json = writtenValue(reader, 0);
  if (!reader.isOver) throw new Fault("malformed", "MessagePack: something follows the value");
  const problem = reader.takeProblem();
  if (problem !== undefined) throw new Fault("malformed", problem);
  return json;
}

function writtenValue(reader: MsgpackReader, depth: number): string {
  const kind = reader.head();
  switch (kind) {
    case "extension":
      reader.pass(kind, depth);
      return "null";
    case "nil":
      return "null";
    case "true":
      return "true";
    case "false":
      return "false";
    case "number":
      return numberText(reader.value);
    case "text":
      return jsonText(reader.text());
    case "bytes":
      return `"${reader.base64()}"`;
    case "list": {
      mayNest(depth);
      let json = "[";
      for (let left = reader.value; left > 0; left -= 1) {
        if (json.length > 1) json += ",";
        json += writtenValue(reader, depth + 1);
      }
      return `${json}]`;
    }
    case "map": {
      mayNest(depth);
      let json = "{";
      for (let left = reader.value; left > 0; left -= 1) {
        if (json.length > 1) json += ",";
        json += `${jsonText(reader.key(depth))}:`;
        json += writtenValue(reader, depth + 1);
      }
      return `${json}}`;
    }
  }
}

/** JSON.stringify writes -0 as 0. */
function numberText(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}
