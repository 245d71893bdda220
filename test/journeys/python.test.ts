import { spawn } from "node:child_process";
import { join } from "node:path";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { expect, it } from "vitest";
import { startBroker } from "../kit/broker.js";

it("serves Python clients written from the documents alone: pyzmq over tcp and ipc, websockets", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "synaptic-python-"));
  const at = await startBroker({
    dataDir,
    zmqIn: ["tcp://127.0.0.1:0", `ipc://${dataDir}/in.sock`],
    zmqOut: ["tcp://127.0.0.1:0", `ipc://${dataDir}/out.sock`],
  });
  try {
    const python = spawn("/usr/bin/python3", ["test/interop/interop.py", dataDir], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let said = "";
    for (const stream of [python.stdout, python.stderr]) stream.on("data", (text: Buffer) => (said += text.toString()));
    const code = await new Promise((resolve) => python.once("close", resolve));
    expect(code, said).toBe(0);
    expect(said.match(/^ok: /gm)).toHaveLength(6);
  } finally {
    await at.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
});
