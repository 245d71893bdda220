import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Fault } from "../../src/core/index.js";
import { DataDirectory, resolveDataDirectory } from "../../src/storage/index.js";
import { eventually } from "../kit/broker.js";
import { standStill } from "../kit/stand-still.js";

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "synaptic-data-"));
});
afterEach(() => {
  rmSync(home, { recursive: true, force: true });
});

const endpoints = {
  pid: process.pid,
  zmqIn: ["tcp://127.0.0.1:5555"],
  zmqOut: ["tcp://127.0.0.1:5556"],
  ws: ["ws://127.0.0.1:8080"],
};

async function faultOf(run: () => unknown): Promise<Fault> {
  try {
    await run();
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error("no fault was thrown");
}

/** The pid of a process that has ended, and of one that lives until `end`. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ["-e", ""]);
  await once(child, "exit");
  return child.pid ?? 0;
}

describe("where the data directory is", () => {
  it("is what was told, before every variable", () => {
    const env = { SYNAPTIC_DATA_DIR: "/b", XDG_DATA_HOME: "/c", HOME: "/d" };
    expect(resolveDataDirectory({ dataDir: "/a", env })).toBe("/a");
    expect(resolveDataDirectory({ env })).toBe("/b");
    expect(resolveDataDirectory({ env: { ...env, SYNAPTIC_DATA_DIR: "" } })).toBe("/c/synaptic-core");
    expect(resolveDataDirectory({ env: { HOME: "/d" } })).toBe("/d/.local/share/synaptic-core");
  });

  it("leaves out an XDG_DATA_HOME that is not absolute, as its specification says", () => {
    expect(resolveDataDirectory({ env: { XDG_DATA_HOME: "data", HOME: "/d" } })).toBe("/d/.local/share/synaptic-core");
  });
});

describe("data directory", () => {
  it("is made for its owner only", async () => {
    const data = new DataDirectory(join(home, "deep", "er"));
    await data.claim();
    expect(statSync(data.path).mode & 0o777).toBe(0o700);
    data.release();
  });

  it("is refused when others can look into it, with the command that mends it", async () => {
    chmodSync(home, 0o750);
    const fault = await faultOf(() => new DataDirectory(home).claim());
    expect(fault.code).toBe("forbidden");
    expect(fault.message).toContain(`chmod 700 ${home}`);
    expect(readdirSync(home)).toEqual([]);
  });

  it("is refused when it is a file or lies below one", async () => {
    const file = join(home, "file");
    writeFileSync(file, "");
    for (const path of [file, join(file, "below")])
      expect((await faultOf(() => new DataDirectory(path).claim())).code).toBe("unavailable");
  });

  it("belongs to one living broker: a second is told the first one's pid", async () => {
    const first = new DataDirectory(home);
    await first.claim();
    const fault = await faultOf(() => new DataDirectory(home).claim());
    expect(fault.code).toBe("conflict");
    expect(fault.message).toContain(`pid ${String(process.pid)}`);
    first.release();
    await new DataDirectory(home).claim();
  });

  it("stays with the living one when its life socket was removed", async () => {
    const first = new DataDirectory(home);
    await first.claim();
    for (const name of readdirSync(home)) if (name.startsWith("life-")) rmSync(join(home, name));
    expect((await faultOf(() => new DataDirectory(home).claim())).code).toBe("conflict");
    first.release();
    await new DataDirectory(home).claim();
  });

  it("does not lose the first one's lock and endpoints to a second that was refused and stops", async () => {
    const first = new DataDirectory(home);
    await first.claim();
    first.writeEndpoints(endpoints);
    const second = new DataDirectory(home);
    await faultOf(() => second.claim());
    second.release();
    expect(first.readEndpoints()).toEqual(endpoints);
    first.release();
  });

  it("is told once when another has taken it, and leaves the other's endpoints and lock alone", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    try {
      const data = new DataDirectory(home);
      let lost = 0;
      await data.claim(() => (lost += 1));
      vi.advanceTimersByTime(5_000);
      expect(lost).toBe(0);
      writeFileSync(data.file("broker.pid"), "another's");
      writeFileSync(data.file("endpoints.json"), "another's");
      vi.advanceTimersByTime(5_000);
      expect(lost).toBe(1);
      data.release();
      expect(["broker.pid", "endpoints.json"].map((name) => readFileSync(data.file(name), "utf8"))).toEqual([
        "another's",
        "another's",
      ]);
    } finally {
      vi.useRealTimers();
    }
  });

  it("sees a broker in another process", async () => {
    const child = spawn(process.execPath, ["-e", "setInterval(() => undefined, 1000); console.log('up')"]);
    try {
      await once(child.stdout, "data");
      writeFileSync(join(home, "broker.pid"), JSON.stringify({ pid: child.pid }));
      expect((await faultOf(() => new DataDirectory(home).claim())).message).toContain(`pid ${String(child.pid)}`);
    } finally {
      child.kill();
      await once(child, "exit");
    }
    await new DataDirectory(home).claim();
  });

  it("cleans up after a dead broker", async () => {
    const pid = await deadPid();
    writeFileSync(join(home, "broker.pid"), JSON.stringify({ pid, started: "then" }));
    writeFileSync(join(home, "endpoints.json"), JSON.stringify({ ...endpoints, pid }));
    const data = new DataDirectory(home);
    expect(data.readEndpoints()).toBeUndefined();
    await data.claim();
    expect(existsSync(data.file("endpoints.json"))).toBe(false);
    expect(readdirSync(home)).toEqual(["broker.pid", expect.stringMatching(/^life-/)]);
    data.release();
  });

  it.runIf(existsSync("/proc/self/stat"))(
    "is free when its broker has ended and waits for its parent (a zombie)",
    async () => {
      // A shell that has become another program does not know its child, which stays a zombie when it ends.
      const parent = spawn("bash", ["-c", "sleep 60 & echo $!; exec sleep 61"], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      try {
        const [line] = (await once(parent.stdout, "data")) as [Buffer];
        const pid = Number(line.toString());
        await eventually(
          () => readFileSync(`/proc/${parent.pid ?? 0}/comm`, "utf8") === "sleep\n",
          "it is another program",
        );
        process.kill(pid, "SIGKILL");
        await eventually(() => readFileSync(`/proc/${pid}/stat`, "utf8").includes(" Z "), "the child is a zombie");
        writeFileSync(join(home, "broker.pid"), JSON.stringify({ pid }));
        const data = new DataDirectory(home);
        await data.claim();
        data.release();
      } finally {
        parent.kill();
      }
    },
  );

  it.runIf(existsSync("/proc/self/stat"))("is not fooled by a pid that went to another process since", async () => {
    writeFileSync(join(home, "broker.pid"), JSON.stringify({ pid: process.ppid, started: "another-boot 1" }));
    const data = new DataDirectory(home);
    await data.claim();
    expect(readFileSync(data.file("broker.pid"), "utf8")).toContain(`"pid":${String(process.pid)}`);
    data.release();
  });

  describe.runIf(existsSync("/proc/self/ns/pid"))(
    "and a broker whose pid means nothing here, as in another container",
    () => {
      /** Its lock as we would write it, but for what is different there, touched so long ago. */
      const lockElsewhere = async (different: object, ageMs: number): Promise<void> => {
        const data = new DataDirectory(home);
        await data.claim();
        const own = JSON.parse(readFileSync(data.file("broker.pid"), "utf8")) as object;
        data.release();
        writeFileSync(
          data.file("broker.pid"),
          JSON.stringify({ ...own, life: undefined, pid: 4_194_304, ...different }),
        );
        const at = new Date(Date.now() - ageMs);
        utimesSync(data.file("broker.pid"), at, at);
      };

      it.each([
        { pidNamespace: "pid:[1]" },
        { started: "another-boot 1" },
        { pid: process.pid, pidNamespace: "pid:[1]" },
      ])("keeps the directory while it touches its lock: %j", async (different) => {
        await lockElsewhere(different, 5_000);
        const { code, message } = await faultOf(() => new DataDirectory(home).claim());
        expect([code, message]).toEqual([
          "conflict",
          expect.stringMatching(/in another container or on another machine.*free 10 s after/),
        ]);
      });

      it.each([11_000, -11_000])("loses it when that was %i ms ago", async (ageMs) => {
        await lockElsewhere({ pidNamespace: "pid:[1]" }, ageMs);
        const data = new DataDirectory(home);
        await data.claim();
        data.release();
      });

      it("keeps it while it beats, though a clock says that this was long ago", async () => {
        await lockElsewhere({ pidNamespace: "pid:[1]" }, 60_000);
        const beating = `let at = 0; setInterval(() => { at += 1; require("node:fs").utimesSync(process.argv[1], at, at); }, 500); console.log("up")`;
        const child = spawn(process.execPath, ["-e", beating, join(home, "broker.pid")]);
        try {
          await once(child.stdout, "data");
          const { code } = await faultOf(() => new DataDirectory(home).claim(() => undefined));
          expect(code).toBe("conflict");
        } finally {
          child.kill();
        }
      });

      describe("on this machine", () => {
        /** A broker as in another container: it holds the lock under a pid of another namespace. */
        async function holder(): Promise<ChildProcessByStdio<null, Readable, null>> {
          const script = `
            import { PidLock } from ${JSON.stringify(new URL("../../dist/src/storage/pid-lock.js", import.meta.url).href)};
            import { readFileSync, writeFileSync } from "node:fs";
            const path = ${JSON.stringify(join(home, "broker.pid"))};
            await PidLock.take(path, () => undefined);
            writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, "utf8")), pid: 1, pidNamespace: "pid:[1]" }));
            setInterval(() => undefined, 1_000);
            console.log("up");`;
          const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
            stdio: ["ignore", "pipe", "inherit"],
          });
          await once(child.stdout, "data");
          return child;
        }

        it("loses it at once when it was killed", async () => {
          const child = await holder();
          child.kill("SIGKILL");
          await once(child, "exit");
          const data = new DataDirectory(home);
          await data.claim(() => undefined);
          expect(readdirSync(home).filter((name) => name.startsWith("life-"))).toHaveLength(1);
          data.release();
          expect(readdirSync(home)).toEqual([]);
        });

        it("keeps it while it is stopped for long, and touches nothing", async () => {
          const child = await holder();
          try {
            await standStill(child.pid ?? 0);
            const then = new Date(0);
            utimesSync(join(home, "broker.pid"), then, then);
            const { code, message } = await faultOf(() => new DataDirectory(home).claim(() => undefined));
            expect([code, message]).toEqual(["conflict", expect.not.stringContaining("s after that")]);
          } finally {
            child.kill("SIGKILL");
          }
        });
      });

      it("is told where it can be reached, from here, too", async () => {
        await lockElsewhere({ pidNamespace: "pid:[1]" }, 0);
        writeFileSync(join(home, "endpoints.json"), JSON.stringify({ ...endpoints, pid: 4_194_304 }));
        expect(new DataDirectory(home).readEndpoints()).toMatchObject({ zmqIn: endpoints.zmqIn });
      });

      it("sees by our lock that we live", async () => {
        vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
        try {
          const data = new DataDirectory(home);
          await data.claim();
          const then = new Date(0);
          utimesSync(data.file("broker.pid"), then, then);
          vi.advanceTimersByTime(5_000);
          expect(Date.now() - statSync(data.file("broker.pid")).mtimeMs).toBeLessThan(5_000);
          data.release();
          expect(vi.getTimerCount()).toBe(0);
        } finally {
          vi.useRealTimers();
        }
      });
    },
  );

  it("takes a lock file that makes no sense for nobody's", async () => {
    for (const text of ["", "nonsense", "{}", '{"pid":-1}', '{"pid":"1"}']) {
      writeFileSync(join(home, "broker.pid"), text);
      const data = new DataDirectory(home);
      await data.claim();
      data.release();
    }
  });

  it("tells where the broker is while it runs, readable for its owner only, and not after", async () => {
    const data = new DataDirectory(home);
    await data.claim();
    expect(data.readEndpoints()).toBeUndefined();
    data.writeEndpoints(endpoints);
    expect(new DataDirectory(home).readEndpoints()).toEqual(endpoints);
    expect(statSync(data.file("endpoints.json")).mode & 0o777).toBe(0o600);
    data.release();
    data.release();
    expect(readdirSync(home)).toEqual([]);
  });

  it("names endpoints that do not parse while a broker runs, and says what to do", async () => {
    const data = new DataDirectory(home);
    await data.claim();
    for (const text of ["", "[]", '{"pid":1}']) {
      writeFileSync(data.file("endpoints.json"), text);
      expect(() => data.readEndpoints()).toThrow(
        /endpoints\.json is not what the broker has written; move it away and/,
      );
    }
    data.release();
    writeFileSync(data.file("endpoints.json"), "[]");
    expect(data.readEndpoints(), "none runs").toBeUndefined();
  });
});
