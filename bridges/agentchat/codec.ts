import { Fault, readJson, readSoftly, shapeProblemText, type Codec, type Frame } from "#dialect";
import type { Event } from "./events.js";
import { commands, soft, type Command } from "./schema.js";

/** Longest `ref` of what cannot be read, characters. */
const refMax = 256;

/** Lines in a frame at most. */
const linesMax = 64;

/** JSON text: one message per frame, or several on lines of their own (AgentChat §1.1). Pure. */
export const codec: Codec<Command, Event> = {
  decode(frame: Frame): readonly (Command | Fault)[] {
    if (typeof frame !== "string") throw new Fault("malformed", "AgentChat frames are JSON text, not binary");
    const whole = readJson(frame);
    const lines = "problem" in whole ? frame.split("\n", linesMax * 2).filter((line) => line.trim() !== "") : [];
    if (lines.length < 2) return [commandOf(whole)];
    if (lines.length > linesMax)
      throw new Fault("malformed", `a frame holds ${String(linesMax)} messages at most; nothing of this one was read`);
    return lines.map((line) => {
      try {
        return commandOf(readJson(line));
      } catch (thrown) {
        // Refused in its turn, so that the others are not lost.
        if (thrown instanceof Fault) return thrown;
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
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Fault("malformed", "a message is a JSON object");
  const type = "type" in value ? value.type : undefined;
  if (typeof type !== "string" || !Object.hasOwn(commands, type)) {
    throw new Fault(
      typeof type === "string" ? "unsupported" : "malformed",
      `type is none of ${Object.keys(commands).join(", ")}`,
      about(value, type),
    );
  }
  const parsed = readSoftly(commands[type as keyof typeof commands], value, soft);
  if (parsed.success) return parsed.data;
  throw new Fault("malformed", `${type}: ${shapeProblemText(parsed.error, value)}`, about(value, type));
}

/** What the refusal is about: `msg_id` of what cannot be read, else its type. */
function about(value: object, type: unknown): { readonly detail?: { readonly ref: string } } {
  const id = "msg_id" in value ? value.msg_id : undefined;
  const ref = [id, type].find((one): one is string => typeof one === "string" && one.length <= refMax);
  return ref === undefined ? {} : { detail: { ref } };
}
