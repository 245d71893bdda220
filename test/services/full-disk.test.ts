import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startProgram, type Ended } from "../kit/cli.js";

const binary = fileURLToPath(new URL("../../bin/broker.js", import.meta.url));

describe("tokens on a disk that is full", () => {
  let dataDir: string;
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), "synaptic-full-"));
  });
  afterEach(() => {
    rmSync(dataDir, { recursive: true, force: true });
  });

  /** `broker token`, with files that cannot grow beyond so many KiB: the system then writes a part, as on a full disk, and says so only at the next write. */
  function token(agent: string, maxKib: number | "unlimited"): Promise<Ended> {
    return startProgram("bash", ["-c", `ulimit -S -f ${maxKib}; exec "$@"`, "bash", process.execPath, binary, "token", agent, "--zmq", "--data-dir", dataDir, "--json"]).ended;
  }

  async function agents(): Promise<string[]> {
    const { stdout } = await startProgram(process.execPath, [binary, "token", "list", "--data-dir", dataDir, "--json"]).ended;
    return (JSON.parse(stdout) as { agent: string }[]).map(({ agent }) => agent);
  }

  it("keeps the old ones, says why the new one is none, leaves nothing behind, and goes on once there is room", async () => {
    const issued: string[] = [];
    let refused: Ended | undefined;
    while (refused === undefined && issued.length < 20) {
      const ended = await token(`agent-${issued.length}`, 1);
      if (ended.code === 0) issued.push(`agent-${issued.length}`);
      else refused = ended;
    }
    expect(refused).toMatchObject({ code: 1, stdout: "", stderr: expect.stringMatching(/tokens\.json.*EFBIG/) as string });
    expect(issued.length).toBeGreaterThan(0);
    expect(await agents()).toEqual(issued);
    expect(readdirSync(dataDir).filter((name) => /tmp|lock/.test(name))).toEqual([]);
    expect(await token("late", "unlimited")).toMatchObject({ code: 0 });
    expect(await agents()).toEqual([...issued, "late"]);
  });
});
