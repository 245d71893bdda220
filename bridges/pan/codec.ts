import { Fault, readJson, type Codec, type Frame } from "#dialect";
import { commands, type Command, type Event } from "./schema.js";

/** Deepest nesting of a frame. */
const depthMax = 64;

/** JSON text, one command or event per frame. Pure. */
export const codec: Codec<Command, Event> = {
  decode(frame: Frame): readonly Command[] {
    if (typeof frame !== "string") throw new Fault("malformed", "PAN frames are JSON text, not binary");
    const json = readJson(frame, depthMax);
    if ("problem" in json) throw new Fault("malformed", json.problem);
    const { value } = json;
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Fault("malformed", "a frame is a JSON object");
    const type = "type" in value ? value.type : undefined;
    if (typeof type !== "string") throw new Fault("malformed", "type is missing; it is one of auth, chat, join, leave, list");
    if (!Object.hasOwn(commands, type)) throw new Fault("unsupported", "type is none of auth, chat, join, leave, list");
    const parsed = commands[type as keyof typeof commands].safeParse(value);
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      throw new Fault("malformed", `${type}: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not understood"}`);
    }
    return [parsed.data];
  },

  encode: (event) => JSON.stringify(event),
};
