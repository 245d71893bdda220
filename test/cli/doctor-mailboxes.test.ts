import { describe, expect, it } from "vitest";
import type { Finding } from "../../src/cli/doctor/check.js";
import { mailFindings, roomFinding } from "../../src/cli/doctor/mailboxes.js";
import { Agent } from "../../src/index.js";
import { freeDoors, serveBroker } from "./served.js";

const well = {
  boxes: 3,
  waiting: 4,
  leased: 1,
  dead: 2,
  bytes: 900,
  diskBytes: 2 * 1024 * 1024,
  syncs: 6,
  oldestMs: 60_000,
  nearlyFull: 0,
  isFailing: false,
};
const dayMs = 86_400_000;

describe("what broker doctor says of mailboxes", () => {
  it("counts them where all is well, and says that there are none", () => {
    expect(mailFindings(well)).toEqual([
      { check: "mailboxes", result: "good", found: "3, 5 messages wait, 2.0 MiB on disk" },
    ]);
    expect(mailFindings({ ...well, waiting: 0 })).toMatchObject([{ found: "3, 1 message waits, 2.0 MiB on disk" }]);
    expect(mailFindings({ ...well, boxes: 0 })).toMatchObject([{ result: "good", found: "there are none" }]);
  });

  it("fails while they cannot be written, and warns of boxes near their bounds and of what waits for days", () => {
    expect(mailFindings({ ...well, isFailing: true, nearlyFull: 2, oldestMs: 4 * dayMs })).toEqual([
      {
        check: "mailboxes",
        result: "failed",
        found: expect.stringContaining("cannot be written") as string,
        remedy: expect.stringContaining("make room on the disk") as string,
      },
      {
        check: "mailboxes",
        result: "warning",
        found: "2 of 3 are nearly full",
        remedy: expect.stringContaining("broker mailbox open NAME --max N") as string,
      },
      {
        check: "mailboxes",
        result: "warning",
        found: "the oldest message waits for 4 days",
        remedy: expect.stringContaining("broker mailbox list") as string,
      },
    ]);
    expect(mailFindings({ ...well, oldestMs: 3 * dayMs })).toMatchObject([{ result: "good" }]);
  });

  it("warns where less than 256 MiB are left on the disk", () => {
    const mib = 1024 * 1024;
    expect(roomFinding("/data", 256 * mib)).toEqual({
      check: "disk",
      result: "good",
      found: "256.0 MiB left for /data",
    });
    expect(roomFinding("/data", 255 * mib)).toMatchObject({
      result: "warning",
      remedy: expect.stringContaining("make room") as string,
    });
  });

  it("finds a box that is nearly full at the broker that runs, and nothing of it where none does", async () => {
    const served = await serveBroker("--keep-mail", "bob", "carl");
    try {
      const findings = async (): Promise<readonly Finding[]> => {
        const { stdout } = await served.cli("doctor", ...freeDoors, "--json");
        const all = (JSON.parse(stdout) as { findings: readonly Finding[] }).findings;
        return all.filter(({ check }) => check === "mailboxes" || check === "disk");
      };
      expect(await findings()).toMatchObject([
        { check: "disk", found: expect.stringContaining(served.dataDir) as string },
        { check: "mailboxes", result: "good", found: expect.stringMatching(/^2, 0 messages wait/) as string },
      ]);
      await served.cli("mailbox", "open", "bob", "--max", "4");
      const ada = await Agent.connect({ name: "ada", in: served.at.zmqIn, out: served.at.zmqOut });
      const eve = await Agent.connect({ name: "eve", in: served.at.zmqIn, out: served.at.zmqOut });
      for (const agent of [ada, eve]) await agent.inform("bob", "hello");
      for (const agent of [ada, eve]) await agent.agents(); // the broker has read what came before
      await served.cli("mailbox", "open", "bob", "--max", "2");
      expect((await findings())[1]).toMatchObject({ result: "warning", found: "1 of 2 are nearly full" });
      await Promise.all([ada.close(), eve.close()]);
      await served.broker.stop();
      expect((await findings())[1]).toMatchObject({ result: "skipped", found: "no broker runs" });
    } finally {
      await served.end();
    }
  });
});
