import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { serveBroker, type Served } from "./served.js";

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

  it("takes over what it can, names what waits for a restart, and keeps what it has when the new is wrong", async () => {
    await reload({ limits: { wsPingMs: 5_000 }, zmqAuth: "required" });
    await served.broker.tells(/SIGHUP, reloaded: limits\.wsPingMs\n/);
    await served.broker.tells(/need a restart.*: zmqAuth\n/);
    await reload({ limits: { wsPingMs: "soon" }, port: 1 });
    await served.broker.tells(/SIGHUP, the configuration stays as it was: .*config\.json: limits\.wsPingMs: must be a number; .*config\.json: port: .*\n/);
    expect(await served.cli("status")).toMatchObject({ code: 0 });
    expect(await served.broker.stop()).toMatchObject({ code: 0 });
  });

  it("says that nothing changes", async () => {
    served.broker.process.kill("SIGHUP");
    await served.broker.tells(/SIGHUP, read again, nothing changes\n/);
  });
});
