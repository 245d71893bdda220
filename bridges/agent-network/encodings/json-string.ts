import { Fault } from "#dialect";
import { unescaped } from "../scan.js";

/** Half a character: with the flag `u` a whole one is one code point. */
const half = /[\ud800-\udfff]/u;

/**
 * What a JSON string says.
 * @param json the string with its quotes
 * @throws Fault unsupported: it is no JSON string, or holds half a character, which no UTF-8 can hold
 */
export function stringIn(json: string): string {
  const text = unescaped(json);
  if (text === undefined) throw notJson();
  if (text.length + 2 !== json.length && half.test(text))
    throw new Fault("unsupported", "it holds half a character (a lone surrogate)");
  return text;
}

/** What is told of text that is no JSON. */
export function notJson(): Fault {
  return new Fault("unsupported", "it is not valid JSON (RFC 8259)");
}
