// Mutation testing: `npm run mutate` and CONTRIBUTING.md, "Tests that notice".
import { tmpdir } from "node:os";
import { join } from "node:path";

const tokenTests = ["identity-tokens", "token-files", "token-listing", "token-details"].map(
  (name) => `test/identity/${name}.test.ts`,
);

const queueTests = ["send-queue", "send-queue-writes", "send-queue-crowds"].map((name) => `test/core/${name}.test.ts`);

/** The files that are mutated, and the tests that must notice: only the file's own, so that a run takes minutes. */
export const suites = {
  "src/core/trust-stamp.ts": ["test/core/trust-stamp.test.ts"],
  "src/core/router.ts": ["router", "router-matching", "router-routes"].map((name) => `test/core/${name}.test.ts`),
  "src/core/send-queue.ts": queueTests,
  "src/core/parcel-writer.ts": queueTests,
  "src/zeromq/wire/codec.ts": ["test/zeromq/wire/codec.test.ts"],
  "src/zeromq/wire/from-scan.ts": ["test/zeromq/wire/from-scan.test.ts"],
  "src/zeromq/wire/forward.ts": ["test/zeromq/wire/forward.test.ts", "test/zeromq/wire/forward-shapes.test.ts"],
  "src/identity/token-file.ts": tokenTests,
  "src/identity/identity-tokens.ts": tokenTests,
  "src/websocket/engine/session-loop.ts": [
    "test/websocket/engine/session-loop.test.ts",
    "test/websocket/engine/session-waiting.test.ts",
    "test/websocket/engine/session-frames.test.ts",
  ],
};

const file = process.env.MUTATE ?? "";
process.env.MUTATE_TESTS = (suites[file] ?? []).join(); // for test/mutation/vitest.config.ts
const report = join("coverage/mutation", file.replaceAll("/", "-"));

/** @type {import("@stryker-mutator/api/core").PartialStrykerOptions} */
export default {
  mutate: [file],
  testRunner: "vitest",
  plugins: ["@stryker-mutator/vitest-runner"],
  vitest: { configFile: "test/mutation/vitest.config.ts", related: false },
  coverageAnalysis: "perTest",
  timeoutMS: 20_000, // a mutant that is only slow, on a machine that is busy, is no endless loop
  concurrency: Number(process.env.MUTATE_CONCURRENCY ?? 2),
  tempDirName: join(tmpdir(), "synaptic-core-mutation"),
  ignorePatterns: ["/dist", "/bench", "/chaos", "/coverage", "/deploy", "/docs", "/clients/python"],
  reporters: ["progress-append-only", "clear-text", "json", "html"],
  clearTextReporter: { logTests: false, reportTests: false, allowColor: false },
  jsonReporter: { fileName: `${report}.json` },
  htmlReporter: { fileName: `${report}.html` },
  thresholds: { high: 90, low: 85, break: 85 },
};
