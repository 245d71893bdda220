import { existsSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../kit/broker.js";
import { startCli } from "../kit/cli.js";
import { freeDoors, serveBroker, type Served } from "./served.js";

describe("broker start at SIGHUP", () => {
  let served: Served;
  beforeEach(async () => {
    served = await serveBroker();
  });
  afterEach(async () => {
    await served.end();
  });

  async function reload(config: unknown): Promise<void> {
    await writeFile(join(served.dataDir, "config.json"), JSON.stringify(config));
    served.broker.process.kill("SIGHUP");
  }

  it("takes over what it can, names what needs a restart, and changes nothing if the new one is wrong", async () => {
    await reload({ limits: { wsPingMs: 5_000 }, zmqAuth: "required" });
    await served.broker.tells(/SIGHUP, reloaded: limits\.wsPingMs\n/);
    await served.broker.tells(/need a restart.*: zmqAuth\n/);
    await reload({ limits: { wsPingMs: "soon" }, port: 1 });
    await served.broker.tells(
      /SIGHUP, the configuration stays as it was: .*config\.json: limits\.wsPingMs: must be a number; .*\.json: port: .*\n/,
    );
    expect(await served.cli("status")).toMatchObject({ code: 0 });
    expect(await served.broker.stop()).toMatchObject({ code: 0 });
  });

  it("does not say that nothing has changed when all that has changed needs a restart", async () => {
    await reload({ zmqAuth: "required" });
    await served.broker.tells(/SIGHUP, these need a restart and stay as they were: zmqAuth\n/);
    expect((await served.broker.stop()).stderr).not.toContain("nothing has changed");
  });

  it("waits with one that comes while the broker is still starting", async () => {
    const early = startCli(["start", ...freeDoors, "--data-dir", join(served.home, "early")]);
    // Linux tells which signals a program hears: the first moment at which SIGHUP does not end it.
    const hears = (): boolean =>
      (Number.parseInt(
        /^SigCgt:\s+([0-9a-f]+)$/m
          .exec(readFileSync(`/proc/${String(early.process.pid)}/status`, "utf8"))?.[1]
          ?.slice(-1) ?? "0",
        16,
      ) &
        1) ===
      1;
    await eventually(hears, "it hears SIGHUP");
    expect(existsSync(join(served.home, "early/endpoints.json"))).toBe(false);
    early.process.kill("SIGHUP");
    await early.tells(/SIGHUP, read again, nothing has changed\n/);
    expect(await early.stop()).toMatchObject({ code: 0 });
  });

  it("says that nothing changes", async () => {
    served.broker.process.kill("SIGHUP");
    await served.broker.tells(/SIGHUP, read again, nothing has changed\n/);
  });
});
