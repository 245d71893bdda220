import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { message, RawPeer, subscribe } from "./raw-peer.js";
import { buildWorld, startWorld, until } from "./world.js";

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "zmtp-"));
  path = join(folder, "sub", "in.sock");
  await mkdir(join(folder, "sub"), { mode: 0o700 });
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const exists = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    () => false,
  );
const ipcWorld = (): ReturnType<typeof startWorld> =>
  startWorld({ inUrls: [`ipc://${path}`], outUrls: [`ipc://${join(folder, "sub", "out.sock")}`] });

/** Leaves a socket at the path with nobody behind it, as a killed broker does. */
async function leaveStale(): Promise<void> {
  const code =
    `require("fs").mkdirSync(${JSON.stringify(join(folder, "sub"))}, { recursive: true });` +
    `require("net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
  const child = spawn(process.execPath, ["-e", code]);
  await new Promise((resolve) => child.once("exit", resolve));
  expect(await exists(path)).toBe(true);
}

describe("ipc doors", () => {
  it("make no folder: a mistyped path is refused, with the remedy", async () => {
    const { listener } = buildWorld({ inUrls: [`ipc://${join(folder, "nope", "in.sock")}`], outUrls: [] });
    await expect(listener.start()).rejects.toMatchObject({
      code: "malformed",
      message: expect.stringMatching(/there is no folder .*nope: make it/) as string,
    });
    expect(await exists(join(folder, "nope"))).toBe(false);
  });

  it("carry messages, are closed to other users, and leave nothing behind", async () => {
    const world = await ipcWorld();
    expect(world.inUrl).toBe(`ipc://${path}`);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder, "sub"))).mode & 0o777).toBe(0o700);
    const to = await RawPeer.open(world.outUrl, "SUB");
    const from = await RawPeer.open(world.inUrl, "PUB");
    to.send(subscribe("bob"));
    await until(() => world.router.route("bob") !== undefined, "the subscription");
    from.send(message("bob", "hi"));
    expect(await to.message()).toEqual(["bob", "hi"]);
    expect(world.policy.peers.map(({ remote, isLocal }) => [remote, isLocal])).toEqual([
      ["ipc", true],
      ["ipc", true],
    ]);
    from.close();
    to.close();
    await world.listener.stop();
    expect(await readdir(join(folder, "sub"))).toEqual([]);
  });

  it("refuse a path where another listener is alive, which goes on", async () => {
    const first = await ipcWorld();
    const second = buildWorld({ inUrls: [`ipc://${path}`], outUrls: [] });
    await expect(second.listener.start()).rejects.toThrow(/another program listens at .*choose another path/);
    (await RawPeer.open(first.inUrl, "PUB")).close();
    await first.listener.stop();
  });

  it("refuse a path where a program without lock is alive", async () => {
    path = join(folder, "in.sock");
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(path, resolve));
    const { listener } = buildWorld({ inUrls: [`ipc://${path}`], outUrls: ["tcp://127.0.0.1:0"] });
    await expect(listener.start()).rejects.toThrow("another program listens");
    expect(await readdir(folder)).toEqual(["in.sock", "sub"]);
    await expect(RawPeer.connect(listener.outEndpoints[0] ?? "")).rejects.toThrow("ECONNREFUSED");
    await new Promise((resolve) => other.close(resolve));
  });

  it("take over what a dead one left, however often, and whatever process has its number now", async () => {
    for (let round = 0; round < 2; round += 1) {
      await leaveStale();
      // What brokers wrote there once: our own number is that of a process that was killed a moment ago, as in a
      // container, where every broker is process 1.
      await writeFile(`${path}.lock`, `${process.pid}\n`);
      const world = await ipcWorld();
      (await RawPeer.open(world.inUrl, "PUB")).close();
      await world.listener.stop();
    }
  });

  it("let one of two brokers have a path that a dead one left, and the other not", async () => {
    for (let round = 0; round < 5; round += 1) {
      await leaveStale();
      const both = [0, 1].map(() => buildWorld({ inUrls: [`ipc://${path}`], outUrls: [] }));
      const results = await Promise.allSettled(both.map(({ listener }) => listener.start()));
      expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      (await RawPeer.open(`ipc://${path}`, "PUB")).close();
      for (const { listener } of both) await listener.stop();
    }
  });

  it("leave a regular file alone", async () => {
    path = join(folder, "in.sock");
    await writeFile(path, "precious");
    const { listener } = buildWorld({ inUrls: [`ipc://${path}`], outUrls: [] });
    await expect(listener.start()).rejects.toThrow("not a socket");
    expect([(await stat(path)).size, await readdir(folder)]).toEqual([8, ["in.sock", "sub"]]);
  });
});

describe("addresses", () => {
  it.each([
    ["tcp://127.0.0.1", "write it as tcp://HOST:PORT"],
    ["tcp://127.0.0.1:70000", "write it as tcp://HOST:PORT"],
    ["udp://127.0.0.1:5", "write it as tcp://HOST:PORT"],
    ["ipc://@abstract", "ipc:///PATH"],
    ["ipc://", "ipc:///PATH"],
    [`ipc:///${"x".repeat(110)}`, "--data-dir"],
    ["tcp://203.0.113.7:0", "cannot listen at"],
  ])("%s: says what to write", async (url, remedy) => {
    await expect(buildWorld({ inUrls: [], outUrls: [url] }).listener.start()).rejects.toThrow(remedy);
  });

  it("in use are named, and what was opened before is closed", async () => {
    const first = await startWorld();
    const second = buildWorld({ inUrls: [first.inUrl] });
    await expect(second.listener.start()).rejects.toThrow(`${first.inUrl} is in use`);
    await expect(RawPeer.connect(second.listener.outEndpoints[0] ?? "")).rejects.toThrow("ECONNREFUSED");
    await first.listener.stop();
  });
});
