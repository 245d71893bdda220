import childProcess from "node:child_process";
import { syncBuiltinESMExports } from "node:module";

/** Stands where a process would be started: a test of the project "quick" starts none. */
function refuse(): never {
  throw new Error("this test starts a process: list it under `processes` in vitest.config.ts");
}

Object.assign(childProcess, {
  exec: refuse,
  execFile: refuse,
  execFileSync: refuse,
  execSync: refuse,
  fork: refuse,
  spawn: refuse,
  spawnSync: refuse,
});
syncBuiltinESMExports();
