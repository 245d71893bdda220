import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runCli, type Ended } from "../kit/cli.js";
import { freeDoors } from "./served.js";

describe("broker config check, about mailboxes", () => {
  let home: string;
  let file: string;
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), "synaptic-config-"));
    file = join(home, "mine.json");
  });
  afterAll(() => rm(home, { recursive: true, force: true }));

  async function check(config: unknown, ...more: readonly string[]): Promise<Ended> {
    await writeFile(file, JSON.stringify(config));
    return runCli(["config", "check", "--data-dir", join(home, "data"), "--config", file, ...more]);
  }

  it("names the limit that gives a mailbox its room, takes one that is raised, and start says the same", async () => {
    const mailboxes = [{ agent: "bob", max: 5_000 }];
    const refused = await check({ mailboxes, limits: { mailMax: 4_000 } });
    expect(refused.stderr).toBe(
      `broker: ${file}: mailboxes.0: max must be at most 4000, which ${file}: limits.mailMax gives to each mailbox; ` +
        "ask for less, or raise that\n",
    );
    expect(await runCli(["start", "--config", file, "--data-dir", join(home, "data"), ...freeDoors])).toEqual(refused);
    expect(await check({ mailboxes, limits: { mailMax: 5_000 } })).toEqual({ code: 0, stdout: "ok\n", stderr: "" });
  });

  it("warns that a name has to be proved where other machines reach the ZeroMQ doors", async () => {
    const open = ["--zmq-in", "tcp://0.0.0.0:0", "--insecure"];
    expect(await check({ mailboxes: ["bob", "carl"], reserved: ["carl"] }, ...open)).toEqual({
      code: 0,
      stdout: "ok\n",
      stderr: expect.stringMatching(
        /^broker: warning: .*: mailboxes: .* waits for bob is .*broker token bob --zmq\)\n$/,
      ) as string,
    });
    const quiet = { code: 0, stdout: "ok\n", stderr: "" };
    expect(await check({ mailboxes: ["carl"], reserved: ["carl"] }, ...open)).toEqual(quiet);
    expect(await check({ mailboxes: ["bob"] })).toEqual(quiet);
  });
});
