import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { getDaemonPaths, isDaemonRunning, type DaemonPaths } from "../../../clients/typescript/agentchat/daemon.js";
import { loadPosition, readNewLines, savePosition } from "../../../clients/typescript/agentchat/daemon/inbox-reader.js";
import { eventually } from "../../kit/broker.js";
import { FakeServer, tempDir } from "./daemon-world.js";

const built = new URL("../../../dist/clients/typescript/agentchat/daemon.js", import.meta.url).href;
const messages = 5_400;
/** Said at once; half of them around each kill. */
const batch = 90;

/** The numbers in the lines of a text; NaN for a line that is no whole message. */
function numbersIn(text: string): number[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      try {
        return Number((JSON.parse(line) as { content: string }).content.split(" ")[0]);
      } catch {
        return NaN;
      }
    });
}

describe("an inbox that is followed over its cuts", () => {
  let temp: Awaited<ReturnType<typeof tempDir>>;
  let server: FakeServer;
  let paths: DaemonPaths;
  const children: ChildProcess[] = [];
  beforeEach(async () => {
    temp = await tempDir();
    server = await FakeServer.start();
    paths = getDaemonPaths("default", temp.dir);
    mkdirSync(paths.dir, { recursive: true });
  });
  afterEach(async () => {
    for (const child of children.splice(0)) await ended(child);
    await server.stop();
    await temp.remove();
  });

  async function ended(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, "exit");
    child.kill("SIGKILL");
    await exit;
  }

  async function daemon(): Promise<ChildProcess> {
    server.joined.length = 0;
    const options = JSON.stringify({ server: server.url, dir: temp.dir });
    const code = `import { AgentChatDaemon } from ${JSON.stringify(built)}; await new AgentChatDaemon(${options}).start();`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", code], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    children.push(child);
    await eventually(() => isDaemonRunning("default", temp.dir) && server.joined.length === 2, "the daemon is there");
    return child;
  }

  /** What a `tail` has printed. */
  async function tail(...how: readonly string[]): Promise<() => string> {
    const child = spawn("tail", ["-n", "+1", ...how, paths.inbox], { stdio: ["ignore", "pipe", "pipe"] });
    children.push(child);
    let said = "";
    child.stdout.on("data", (data: Buffer) => (said += data.toString()));
    await once(child, "spawn");
    return () => said;
  }

  it("gives every line once to each follower, also over kills at any moment", { timeout: 120_000 }, async () => {
    let running = await daemon();
    const followers = {
      "tail -f": await tail("-f"),
      "tail -F": await tail("-F"),
      "tail -f that asks once a second": await tail("-f", "---disable-inotify"),
      "tail -F that asks once a second": await tail("-F", "---disable-inotify"),
    };
    const onDisk = new Set<number>();
    const byPosition: number[] = [];
    let linesMost = 0;
    let cuts = 0;
    let kills = 0;
    function look(): void {
      const inbox = numbersIn(readFileSync(paths.inbox, "utf8"));
      linesMost = Math.max(linesMost, inbox.length);
      for (const n of inbox) onDisk.add(n);
      const news = readNewLines(paths.inbox, loadPosition(paths.inboxPosition));
      byPosition.push(...numbersIn(news.lines.join("\n")));
      savePosition(paths.inboxPosition, news.position);
      expect(news.missed).toBe(false);
    }
    const has = (n: number): boolean => {
      look();
      return onDisk.has(n);
    };
    for (let n = 0; n < messages; n += batch) {
      for (let m = n; m < n + batch; m += 1) server.says(`${m} ${"·".repeat(m % 61)}`);
      const isCut = n % 1_000 > 1_000 - batch && n > 900;
      if (isCut) {
        // Killed while lines are gathered before the cut: as soon as they are on the disk, or when it is due.
        const gathered = (): boolean => readIfThere(`${paths.inbox}.gathered`).includes(`"${n + batch - 1} `);
        await eventually(gathered, "the last is gathered");
        if (kills % 2 === 1) await eventually(() => !gathered(), "the cut begins");
        kills += 1;
        await ended(running);
        running = await daemon();
        cuts += 1;
      }
      await eventually(() => has(n + batch - 1), `${n + batch} are in the inbox`, 20_000);
    }
    expect([cuts, kills]).toEqual([5, 5]);
    expect(linesMost).toBeLessThanOrEqual(1_000);
    const all = Array.from({ length: messages }, (_, n) => n);
    expect(byPosition).toEqual(all);
    for (const [who, said] of Object.entries(followers)) {
      await eventually(() => numbersIn(said()).includes(messages - 1), `${who} has the last`, 10_000);
      expect([who, numbersIn(said())]).toEqual([who, all]);
    }
  });
});

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
