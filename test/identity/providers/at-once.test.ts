import { describe, expect, it } from "vitest";
import { AtOnce } from "../../../src/identity/providers/at-once.js";
import { turn } from "../../kit/gated-table.js";

describe("work of which so much may be under way", () => {
  it("waits in its order, however the work before it ends", async () => {
    const turns = new AtOnce(2);
    const begun: number[] = [];
    const ends: ((failed: boolean) => void)[] = [];
    const all = [1, 2, 3, 4].map((one) =>
      turns
        .run(() => {
          begun.push(one);
          return new Promise<number>((resolve, reject) => {
            ends.push((failed) => {
              if (failed) reject(new Error(`failed ${one}`));
              else resolve(one);
            });
          });
        })
        .catch((thrown: unknown) => String(thrown)),
    );
    await turn();
    expect(begun).toEqual([1, 2]);
    ends[1]?.(true);
    await turn();
    expect(begun).toEqual([1, 2, 3]);
    ends[0]?.(false);
    await turn();
    expect(begun).toEqual([1, 2, 3, 4]);
    for (const end of ends) end(false);
    expect(await Promise.all(all)).toEqual([1, "Error: failed 2", 3, 4]);
    expect(await turns.run(() => Promise.resolve(5))).toBe(5);
  });
});
