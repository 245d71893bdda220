import { defineConfig } from "vitest/config";
import { shared } from "../../vitest.config.js";

/**
 * Stryker's own option `testFiles` would do the same, but with it every mutant of a value computed at import survives
 * (stryker-js issue 6144).
 */
export default defineConfig({
  ...shared,
  test: { ...shared.test, include: (process.env["MUTATE_TESTS"] ?? "").split(",") },
});
