import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { defineConfig, type ViteUserConfig } from "vitest/config";

const every = "test/**/*.test.ts";

/** Tests that start processes: `npm run check:quick` leaves them out. A process in any other test is refused. */
const processes = [
  "test/cli/**/*.test.ts",
  "test/examples/*.test.ts",
  "test/identity/providers/{fetch-text,firebase,issuer-server}.test.ts",
  "test/journeys/*.test.ts",
  "test/clients/agentchat/daemon-{control,follow,kill,rewritten,special-files,stop}.test.ts",
  "test/clients/agent-network/crypto/{nonces,sodium}.test.ts",
  "test/clients/agent-network/store/{full-disk,in-chromium,store-kill}.test.ts",
  "test/clients/shared/connect-problem.test.ts",
  "test/contracts/python.test.ts",
  "test/docs/remote-bots.test.ts",
  "test/mailbox/mail-store-{full-disk,kill}.test.ts",
  "test/new-dialect.test.ts",
  "test/ops/deploy.test.ts",
  "test/ops/webhooks/{addresses,hosts,webhooks}.test.ts",
  "test/package.test.ts",
  "test/schemas.test.ts",
  "test/storage/{data-directory,full-disk,special-files,table-lmdb}.test.ts",
  "test/websocket/edge/tls.test.ts",
  "test/zeromq/wire/ipc-path.test.ts",
];

/** Tests that replace a module (`vi.mock`): they need a process of their own. */
const mocking = ["test/clients/agentchat/daemon-full-disk.test.ts"];

const sizes = "test/kit/property-sizes.ts";
const quick = { exclude: processes, setupFiles: ["test/kit/no-processes.ts", sizes] };

/** What every run of tests needs. */
export const shared: ViteUserConfig = {
  resolve: { alias: { "#dialect": fileURLToPath(new URL("./src/dialect/index.ts", import.meta.url)) } },
  test: {
    pool: "forks", // the zeromq package aborts the process in worker threads
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
};

export default defineConfig({
  ...shared,
  test: {
    ...shared.test,
    maxWorkers: Math.max(2, availableParallelism() - 1), // many tests wait most of their time
    projects: [
      // Not isolated: the sources are loaded once for many files, which takes a third of the time.
      {
        extends: true,
        test: { name: "quick", ...quick, include: [every], exclude: [...processes, ...mocking], isolate: false },
      },
      { extends: true, test: { name: "quick, isolated", ...quick, include: mocking } },
      { extends: true, test: { name: "processes", include: processes, setupFiles: [sizes] } },
    ],
  },
});
