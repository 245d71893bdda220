import { describe, expect, it } from "vitest";
import { z } from "zod";
import { shapeProblemText } from "../../src/core/index.js";

const shape = z.strictObject({
  name: z.string().min(1).max(3),
  count: z.int().min(0).max(9).optional(),
  rate: z.number().positive().optional(),
  list: z.array(z.boolean()).max(1).optional(),
  word: z.enum(["a", "b"]).optional(),
  one: z.literal(1).optional(),
  form: z.string().regex(/^x$/, "must be x").optional(),
  bare: z.string().regex(/^x$/).optional(),
  own: z
    .string()
    .refine((text) => text !== "no", "must not be no")
    .optional(),
});

describe("what is wrong with a value, in words", () => {
  it.each([
    [{}, "name: is missing; it is text"],
    [{ name: 1 }, "name: must be text"],
    [{ name: "" }, "name: must not be empty"],
    [{ name: "four" }, "name: must be at most 3 characters long"],
    [{ name: "a", count: 1.5 }, "count: must be a whole number"],
    [{ name: "a", count: -1 }, "count: must be at least 0"],
    [{ name: "a", count: 10 }, "count: must be at most 9"],
    [{ name: "a", rate: 0 }, "rate: must be more than 0"],
    [{ name: "a", list: true }, "list: must be a list"],
    [{ name: "a", list: [1] }, "list.0: must be true or false"],
    [{ name: "a", list: [true, true] }, "list: must be at most 1 items long"],
    [{ name: "a", word: "c" }, "word: must be one of a, b"],
    [{ name: "a", one: 2 }, "one: must be 1"],
    [{ name: "a", form: "y" }, "form: must be x"],
    [{ name: "a", bare: "y" }, "bare: does not have the form that it needs"],
    [{ name: "a", own: "no" }, "own: must not be no"],
    [{ name: "a", more: 1 }, "more: there is nothing of this name"],
    [[], "must be an object"],
  ])("%j: %s", (value, words) => {
    const { error } = shape.safeParse(value);
    expect(error === undefined ? "" : shapeProblemText(error, value)).toBe(words);
  });
});
