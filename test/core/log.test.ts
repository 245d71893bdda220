import { expect, it } from "vitest";
import { cutText } from "../../src/core/index.js";

it.each([
  ["short", "short"],
  ["x".repeat(128), "x".repeat(128)],
  ["x".repeat(900_000), `${"x".repeat(128)}…`],
  [`x${"é".repeat(100)}`, `x${"é".repeat(63)}…`],
  [`x${"🦊".repeat(100)}`, `x${"🦊".repeat(31)}…`],
])("shows 128 bytes of what a stranger wrote, and no half characters", (text, shown) => {
  expect(cutText(text)).toBe(shown);
});
