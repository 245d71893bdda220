import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { runCli, startCli } from "../kit/cli.js";
import { freeDoors, serveBroker } from "./served.js";

it("offers to repair damaged mailboxes when a broker starts on them, and does", async () => {
  const served = await serveBroker("--keep-mail", "bob");
  try {
    for (const text of ["one", "two", "three"]) await served.cli("send", "bob", text);
    expect(await served.cli("mailbox", "salvage")).toMatchObject({ code: 1 }); // a broker runs
    await served.broker.stop();
    const file = await open(join(served.dataDir, "mail", "data.mdb"), "r+");
    await file.write(Buffer.alloc(2 * 4096), 0, 2 * 4096, 0); // both pages that say where the others are
    await file.close();
    const start = ["start", ...freeDoors, "--data-dir", served.dataDir];
    expect(await runCli(start)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("broker mailbox salvage") as string,
    });
    const repaired = await served.cli("mailbox", "salvage");
    expect(repaired, repaired.stderr).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/mailboxes +1 saved, none lost[^]*3 saved/) as string,
    });
    expect((await readdir(served.dataDir)).filter((name) => name.startsWith("mail-damaged-"))).toHaveLength(1);
    const again = startCli(start);
    await again.prints(/broker status/);
    const peeked = await served.cli("mailbox", "peek", "bob");
    await again.stop();
    expect(peeked.stdout.match(/"message":"(one|two|three)"/g)).toHaveLength(3);
  } finally {
    await served.end();
  }
});
