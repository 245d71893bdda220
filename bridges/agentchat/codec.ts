import { Fault, readJson, type Codec, type Frame } from "#dialect";
import type { Event } from "./events.js";
import { commands, type Command } from "./schema.js";

/** Deepest nesting of a frame. */
const depthMax = 64;

/** A line that cannot be read among others that can: refused in its turn, so that the others are not lost. */
export interface Unreadable {
  readonly type: "UNREADABLE";
  readonly fault: Fault;
}

/** What a frame can hold. */
export type Said = Command | Unreadable;

/** JSON text: one message per frame, or several on lines of their own (seed 001, transport). Pure. */
export const codec: Codec<Said, Event> = {
  decode(frame: Frame): readonly Said[] {
    if (typeof frame !== "string") throw new Fault("malformed", "AgentChat frames are JSON text, not binary");
    const whole = readJson(frame, depthMax);
    const lines = "problem" in whole ? frame.split("\n").filter((line) => line.trim() !== "") : [];
    if (lines.length < 2) return [commandOf(whole)];
    return lines.map((line): Said => {
      try {
        return commandOf(readJson(line, depthMax));
      } catch (thrown) {
        if (thrown instanceof Fault) return { type: "UNREADABLE", fault: thrown };
        throw thrown;
      }
    });
  },

  encode: (event) => JSON.stringify(event),
};

/** @throws Fault malformed, unsupported */
function commandOf(json: ReturnType<typeof readJson>): Command {
  if ("problem" in json) throw new Fault("malformed", json.problem);
  const { value } = json;
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Fault("malformed", "a message is a JSON object");
  const type = "type" in value ? value.type : undefined;
  if (typeof type !== "string" || !Object.hasOwn(commands, type)) {
    throw new Fault(typeof type === "string" ? "unsupported" : "malformed", `type is none of ${Object.keys(commands).join(", ")}`);
  }
  const parsed = commands[type as keyof typeof commands].safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new Fault("malformed", `${type}: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not understood"}`);
}
