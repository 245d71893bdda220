import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  getDaemonPaths,
  isDaemonRunning,
  stopAllDaemons,
  stopDaemon,
} from "../../../clients/typescript/agentchat/daemon.js";
import { generateIdentity, writeIdentity } from "../../../clients/typescript/agentchat/identity-file.js";
import { eventually } from "../../kit/broker.js";
import { repetitions } from "../../kit/repetitions.js";
import { FakeServer, jsonLines, tempDir } from "./daemon-world.js";

const kills = repetitions(10, 50);
/** Outstanding lines stay below the burst that may be sent at once. */
const mostOutstanding = 7;
const built = new URL("../../../dist/clients/typescript/agentchat/daemon.js", import.meta.url).href;

/** Numbers between 0 and 1, the same each time (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Lines with a type, and the event that tells of each. */
const outcomes: Readonly<Record<string, string>> = {
  PROPOSAL: "PROPOSAL",
  ACCEPT: "ACCEPT",
  CREATE_CHANNEL: "JOINED",
  JOIN: "JOINED",
};
const typed = Object.keys(outcomes);

/** The nth line of an outbox, and what the server keeps of it. */
function lineOf(n: number, under: (most: number) => number): readonly [string, Readonly<Record<string, string>>] {
  switch (under(10)) {
    case 0:
      return [`work ${n}`, { type: "PROPOSAL", to: "@partner", task: `work ${n}` }];
    case 1:
    case 2:
      return [`proposal ${n}`, { type: "ACCEPT", proposal_id: `proposal ${n}` }];
    case 3:
      return [`#made-${n}`, { type: "CREATE_CHANNEL", channel: `#made-${n}` }];
    case 4:
      return [`#joined-${n}`, { type: "JOIN", channel: `#joined-${n}` }];
    default: {
      const content = `line ${n} by ${under(2) === 0 ? "ada" : "bob"} ${"·".repeat(under(300))}`;
      return [content, { to: "#general", content }];
    }
  }
}

describe("a daemon as a process", () => {
  let temp: Awaited<ReturnType<typeof tempDir>>;
  let server: FakeServer;
  const children: ChildProcess[] = [];
  beforeEach(async () => {
    temp = await tempDir();
    server = await FakeServer.start();
    await writeIdentity(join(temp.dir, "identity.json"), generateIdentity("keeper"));
  });
  afterEach(async () => {
    for (const child of children.splice(0)) await ended(child, "SIGKILL");
    await server.stop();
    await temp.remove();
  });

  function start(name = "default"): ChildProcess {
    const code = `import { AgentChatDaemon } from ${JSON.stringify(built)}; await new AgentChatDaemon(${JSON.stringify({ server: server.url, name, dir: temp.dir, identity: join(temp.dir, "identity.json") })}).start();`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", code], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    children.push(child);
    return child;
  }
  async function ended(child: ChildProcess, signal?: NodeJS.Signals): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, "exit");
    if (signal !== undefined) child.kill(signal);
    await exit;
  }

  it(
    `killed at ${kills} points, it loses no line of its outbox and says none twice`,
    { timeout: 110_000 },
    async () => {
      const random = seeded(20_260_202);
      const under = (n: number): number => Math.floor(random() * n);
      const paths = getDaemonPaths("default", temp.dir);
      mkdirSync(paths.dir, { recursive: true });
      const written: string[] = [];
      const lines: Readonly<Record<string, string>>[] = [];
      let garbage = 0;
      let half = "";
      const isDone = (): boolean => server.heard.length === written.length;
      /**
       * What two agents append before this life; now and then garbage, and a line that is finished only in the next
       * life.
       */
      function write(): void {
        if (half !== "") appendFileSync(paths.outbox, half);
        half = "";
        while (written.length - server.heard.length < mostOutstanding) {
          const [what, asked] = lineOf(written.length, written.length === 0 ? () => 1 : under); // an ACCEPT first
          written.push(what);
          lines.push(asked);
          const line = `${JSON.stringify(asked)}\n`;
          if (under(6) === 0) {
            appendFileSync(paths.outbox, `garbage ${(garbage += 1)}\n`);
          }
          if (written.length - server.heard.length === mostOutstanding && under(3) === 0) {
            const cut = 1 + under(line.length - 2);
            half = line.slice(cut);
            appendFileSync(paths.outbox, line.slice(0, cut));
          } else appendFileSync(paths.outbox, line);
        }
      }
      /**
       * Kills the child at a moment of its life: before a line is heard, after it, once it is confirmed, or by the
       * clock.
       */
      async function killedSomewhere(child: ChildProcess, isFirst: boolean): Promise<void> {
        const kill = (): void => {
          child.kill("SIGKILL");
        };
        if (isFirst) {
          // Surely a step that is heard and never confirmed: it is said twice.
          server.onFrame = ({ type }) => {
            if (type === "ACCEPT") kill();
            return type !== "ACCEPT";
          };
          await ended(child);
          server.onFrame = () => true;
          return;
        }
        const nth = 1 + under(mostOutstanding - 1);
        const before = server.arrived.length;
        const isIt = (types: readonly string[], { type }: { readonly type: string }): boolean =>
          types.includes(type) && server.arrived.length - before >= nth;
        const delay = under(12);
        switch (under(5)) {
          case 0: // nothing answered
            server.onFrame = (frame) => {
              if (isIt(["MSG", ...typed], frame)) kill();
              return true;
            };
            break;
          case 1: // heard, never confirmed
            server.onFrame = (frame) => {
              if (isIt(["PING", ...typed], frame)) kill();
              return !isIt(["PING", ...typed], frame);
            };
            break;
          case 2: // about when it is confirmed and written down
            server.onFrame = (frame) => {
              if (isIt(["PING", ...typed], frame)) setTimeout(kill, delay / 4);
              return true;
            };
            break;
          case 3: // while it introduces itself
            server.onFrame = ({ type }) => {
              if (type === (delay < 6 ? "IDENTIFY" : "JOIN")) kill();
              return true;
            };
            break;
          default: {
            const late = setTimeout(kill, 100 + under(300));
            await ended(child);
            clearTimeout(late);
          }
        }
        await ended(child);
        server.onFrame = () => true;
      }

      for (let life = 0; life < kills; life += 1) {
        write();
        await killedSomewhere(start(), life === 0);
        expect(server.heard).toEqual(written.slice(0, server.heard.length));
      }
      if (half !== "") appendFileSync(paths.outbox, half);
      const last = start();
      await eventually(isDone, "the rest is sent", 30_000);
      expect(await stopDaemon("default", temp.dir)).toMatchObject({ stopped: true, pid: last.pid });
      await ended(last);
      expect(last.exitCode).toBe(0);

      expect(server.heard).toEqual(written);
      expect(server.arrived.length).toBeGreaterThan(server.heard.length); // else nothing was tested
      const setAside = new Set(
        jsonLines(paths.rejected)
          .filter(({ code }) => code === "INVALID_MSG")
          .map(({ line }) => line),
      );
      expect(setAside).toEqual(new Set(Array.from({ length: garbage }, (_, n) => `garbage ${n + 1}`)));

      // What came of each typed line is in the inbox, or that it cannot be known.
      const inbox = jsonLines(paths.inbox);
      const errors = inbox.filter(({ type }) => type === "ERROR");
      for (const { type, task, proposal_id: id, channel } of lines.filter(({ type: known }) => known !== undefined)) {
        const told = inbox.some(
          (event) =>
            event["type"] === outcomes[type ?? ""] &&
            (event["task"] ?? event["proposal_id"] ?? event["channel"]) === (task ?? id ?? channel),
        );
        const unsure = errors.some(
          ({ line, message }) =>
            String(message).includes("said again after an interruption") &&
            String(line).includes(JSON.stringify(task ?? id ?? channel)),
        );
        expect([type, told, unsure]).toEqual([type, type === "PROPOSAL" || type === "JOIN" ? true : !unsure, unsure]);
      }
      const steps = new Set(lines.map(({ task, proposal_id: id, channel }) => task ?? id ?? channel));
      const said = server.arrived.map(({ content }) => content).filter((content) => steps.has(content));
      expect(said.length).toBeGreaterThan(new Set(said).size); // else no step was said twice
      expect(server.joined).toEqual(
        expect.arrayContaining(lines.filter(({ type }) => type === "JOIN").map(({ channel }) => channel)),
      );
    },
  );

  it("runs several instances, which stop when asked and leave no pid file", async () => {
    const started = [start("one"), start("two"), start("three")];
    await eventually(() => ["one", "two", "three"].every((name) => isDaemonRunning(name, temp.dir)), "all run");
    expect(await stopDaemon("two", temp.dir)).toMatchObject({ stopped: true, pid: started[1]?.pid });
    expect((await stopAllDaemons(temp.dir)).map(({ instance, stopped }) => [instance, stopped])).toEqual([
      ["one", true],
      ["three", true],
    ]);
    for (const child of started) await ended(child);
    expect(started.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0]);
    expect(jsonLines(getDaemonPaths("one", temp.dir).pid)).toEqual([]);
  });

  it("takes over from one that was killed", async () => {
    const first = start();
    await eventually(() => isDaemonRunning("default", temp.dir), "the first runs");
    await ended(first, "SIGKILL");
    expect(isDaemonRunning("default", temp.dir)).toBe(false);
    const second = start();
    await eventually(() => isDaemonRunning("default", temp.dir), "the second runs");
    expect(await stopDaemon("default", temp.dir)).toMatchObject({ pid: second.pid, stopped: true });
    await ended(second);
  });
});
