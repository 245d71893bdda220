import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const root = fileURLToPath(new URL("..", import.meta.url));

/** One scenario after the other, each in a process of its own: they measure memory. */
export default defineConfig({
  root,
  resolve: { alias: { "#dialect": `${root}src/dialect/index.ts` } },
  test: {
    pool: "forks", // the zeromq package aborts the process in worker threads
    include: ["chaos/*.chaos.ts"],
    fileParallelism: false,
    execArgv: ["--expose-gc"],
    testTimeout: 120_000,
    hookTimeout: 20_000,
  },
});
