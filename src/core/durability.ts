import { z } from "zod";

/** How a room is to be remembered; what is not said is as the broker's limits say. */
export interface Durability {
  readonly keepMs?: number;
  readonly max?: number;
  readonly maxBytes?: number;
}

/** Ten years: longer than any of this will be read. */
const keepMaxS = 315_360_000;

/** How a room is to be remembered, as requests and the configuration say it (protocols §10.1). */
export const writtenDurability = z.strictObject({
  keep_s: z.int().min(1).max(keepMaxS).describe("for so many seconds").exactOptional(),
  max: z.int().min(1).max(10_000_000).describe("so many messages; the oldest go").exactOptional(),
  max_bytes: z
    .int()
    .min(1_024)
    .max(2 ** 40)
    .describe("so many bytes, with 200 more for each message; the oldest go")
    .exactOptional(),
});

/** {@link writtenDurability}. */
export type WrittenDurability = z.output<typeof writtenDurability>;

/** {@link writtenDurability} as the broker uses it. */
export function readDurability({ keep_s, max, max_bytes }: WrittenDurability): Durability {
  return {
    ...(keep_s !== undefined && { keepMs: keep_s * 1_000 }),
    ...(max !== undefined && { max }),
    ...(max_bytes !== undefined && { maxBytes: max_bytes }),
  };
}

/** The same as it is written. */
export function writeDurability(bounds: Required<Durability>): Required<WrittenDurability>;
export function writeDurability(wanted: Durability): WrittenDurability;
export function writeDurability({ keepMs, max, maxBytes }: Durability): WrittenDurability {
  return {
    ...(keepMs !== undefined && { keep_s: Math.round(keepMs / 1_000) }),
    ...(max !== undefined && { max }),
    ...(maxBytes !== undefined && { max_bytes: maxBytes }),
  };
}
