import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { alias: { "#dialect": fileURLToPath(new URL("./src/dialect/index.ts", import.meta.url)) } },
  test: {
    pool: "forks", // the zeromq package aborts the process in worker threads
    include: ["test/**/*.test.ts"],
    testTimeout: 20_000,
    hookTimeout: 20_000,
  },
});
