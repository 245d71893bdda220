import { asFault, Fault } from "../../../src/core/index.js";

/**
 * Refuses NaN and the infinities, which `JSON.stringify` writes as null without a word.
 * @param value what was written
 * @param json as what it was written: without a null in it nothing is looked for
 * @throws Fault malformed, which names where it is: `content.data.prices.1`
 */
export function refuseNoJsonNumber(value: unknown, json: string): void {
  if (!json.includes("null")) return;
  const holders: { readonly holder: unknown; readonly path: string }[] = [];
  JSON.stringify(value, function (this: unknown, key: string, one: unknown): unknown {
    while (holders.length > 0 && holders.at(-1)?.holder !== this) holders.pop();
    const above = holders.at(-1)?.path ?? "";
    const path = above === "" ? key : `${above}.${key}`;
    if (typeof one === "number" && !Number.isFinite(one))
      throw new Fault("malformed", `${path} is ${String(one)}, which is no number of JSON; say null, or a text`);
    if (typeof one === "object" && one !== null) holders.push({ holder: one, path });
    return one;
  });
}

/** Why this cannot be said in JSON as it is meant, and the remedy; undefined if it can. */
export function jsonProblem(value: object): string | undefined {
  try {
    refuseNoJsonNumber(value, JSON.stringify(value));
    return undefined;
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown.message;
    return `it cannot be written as JSON: ${asFault(thrown).message.split("\n", 1)[0] ?? ""}; say plain texts, numbers, lists and objects`;
  }
}
