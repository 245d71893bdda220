import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readConfig, type BrokerOptions } from "../../src/config/index.js";
import { Broker } from "../../src/index.js";
import { exitCodes } from "../../src/cli/exit.js";
import { beatLostMs } from "../../src/storage/pid-lock.js";
import { Access } from "../../src/websocket/edge/index.js";
import { ownPlaces } from "../../src/websocket/edge/half-open.js";
import { startBroker, type TestBroker } from "../kit/broker.js";
import { makeCertificate } from "../kit/certificates.js";
import { startProgram } from "../kit/cli.js";
import { folder, httpOf } from "./kit.js";

const root = fileURLToPath(new URL("../..", import.meta.url));

function deployed(file: string): string {
  return readFileSync(join(root, "deploy", file), "utf8");
}

let world: TestBroker;
beforeAll(async () => {
  world = await startBroker();
});
afterAll(() => world.stop());

describe("what a watchdog asks", () => {
  const ask = (url: string) => startProgram(process.execPath, [join(root, "deploy/healthz.mjs"), url]).ended;

  it("is answered by a broker that works", async () => {
    expect(await ask(`${httpOf(world.pan)}/healthz`)).toMatchObject({ code: 0, stderr: "" });
  });

  it("is answered by the doors that the data directory tells, with TLS, without, and with ZeroMQ alone", async () => {
    const files = await folder();
    const { cert, key } = makeCertificate(files.path, "localhost");
    const zmq = { zmqIn: ["tcp://127.0.0.1:0"], zmqOut: ["tcp://127.0.0.1:0"], ws: [] };
    for (const doors of [
      { ...zmq, ws: ["127.0.0.1:0"], tlsCert: cert, tlsKey: key },
      { ...zmq, ws: ["127.0.0.1:0"] },
      zmq,
    ]) {
      const data = await folder();
      const broker = new Broker({ ...doors, dataDir: data.path });
      await broker.start();
      expect(await ask(data.path), JSON.stringify(broker.endpoints)).toMatchObject({ code: 0, stderr: "" });
      await broker.stop();
      await data.remove();
    }
    await files.remove();
  });

  it("is answered by a broker that has as many connections as it takes", async () => {
    // More than this machine's own places: refused before it is heard.
    const busy = await startBroker({ limits: { wsHalfOpenMax: 0 } });
    const { port } = new URL(httpOf(busy.pan));
    const silent = Array.from({ length: ownPlaces }, () => createConnection({ host: "127.0.0.1", port: Number(port) }));
    await Promise.all(silent.map((socket) => once(socket, "connect")));
    expect((await fetch(`${httpOf(busy.pan)}/healthz`)).status).toBe(503);
    expect(await ask(busy.dataDir)).toMatchObject({ code: 0, stderr: "" });
    for (const socket of silent) socket.destroy();
    await busy.stop();
  });

  it("fails with the reason where none is, or something else answers", async () => {
    expect(await ask("http://127.0.0.1:9/healthz")).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/ECONNREFUSED/) as string,
    });
    expect(await ask(`${httpOf(world.pan)}/nothing-here`)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/404/) as string,
    });
    const empty = await folder();
    expect(await ask(empty.path)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/ENOENT.*endpoints\.json/) as string,
    });
    await empty.remove();
  });
});

describe("the systemd units", () => {
  const service = deployed("systemd/synaptic-core.service");

  it.skipIf(spawnSync("systemd-analyze", ["--version"]).status !== 0)("are understood by systemd", () => {
    const units = ["synaptic-core.service", "synaptic-core-watchdog.service", "synaptic-core-watchdog.timer"].map(
      (unit) => join(root, "deploy/systemd", unit),
    );
    const { stderr } = spawnSync("systemd-analyze", ["verify", "--man=no", ...units], { encoding: "utf8" });
    // Whether node and the broker are installed here is not what is asked.
    expect(
      stderr.split("\n").filter((line) => line.includes("synaptic-core") && !line.includes("is not executable")),
    ).toEqual([]);
  });

  it("give up soon on what fails at once, whoever says so, and not before the lock of another boot is free", () => {
    const value = (name: string): number => Number(new RegExp(`^${name}=(\\d+)$`, "m").exec(service)?.[1]);
    const [within, burst, pause] = [value("StartLimitIntervalSec"), value("StartLimitBurst"), value("RestartSec")];
    expect((burst - 1) * pause * 1_000).toBeGreaterThan(beatLostMs);
    // A start that fails takes a few seconds at most.
    expect(burst * (pause + 5)).toBeLessThan(within);
    expect(service).toMatch(new RegExp(`^RestartPreventExitStatus=${exitCodes.usage} ${exitCodes.refused}$`, "m"));
  });

  it("wait for the doors of this very process", async () => {
    const line = /^ExecStartPost=\/bin\/sh -c '(.+)'$/m.exec(service)?.[1]?.replaceAll("$$", "$") ?? "exit 9";
    const wait = (dataDir: string, pid: number) =>
      startProgram("/bin/sh", ["-c", line.replace("/var/lib/synaptic-core", dataDir)], { MAINPID: String(pid) }).ended;
    expect(await wait(world.dataDir, process.pid)).toMatchObject({ code: 0 });
    const gone = spawnSync(process.execPath, ["-e", ""]).pid;
    expect(await wait(world.dataDir, gone)).toMatchObject({ code: 1 });
    const empty = await folder();
    expect(await wait(empty.path, gone)).toMatchObject({ code: 1 });
    await empty.remove();
  });

  it("name files of this project", () => {
    const units = service + deployed("systemd/synaptic-core-watchdog.service");
    const files = new Set([...units.matchAll(/\/opt\/synaptic-core\/([\w./-]+)/g)].map(([, file = ""]) => file));
    expect(files.size).toBeGreaterThan(2);
    for (const file of files) expect(existsSync(join(root, file)), file).toBe(true);
  });
});

describe("the Dockerfile", () => {
  it("copies files of this project that its ignore file lets in", () => {
    const copied = [...deployed("docker/Dockerfile").matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(
      ([, files = ""]) => files.split(" "),
    );
    const letIn = deployed("docker/Dockerfile.dockerignore")
      .split("\n")
      .filter((line) => line.startsWith("!"))
      .map((line) => line.slice(1));
    expect(copied.length).toBeGreaterThan(5);
    for (const file of copied) expect(existsSync(join(root, file)), file).toBe(true);
    expect([...copied].sort()).toEqual([...letIn].sort());
  });
});

describe("docs/operations.md", () => {
  const page = readFileSync(join(root, "docs/operations.md"), "utf8");

  it("makes the folders that a check of the configuration looks for, before the first", () => {
    const check = page.indexOf("broker config check --config");
    for (const made of [
      "install -d -m 0700 -o synaptic -g synaptic /var/lib/synaptic-core\n",
      "/etc/synaptic-core/tls\n",
      "fullchain.pem privkey.pem /etc/synaptic-core/tls/\n",
    ]) {
      expect(page.indexOf(made), made).toBeGreaterThan(0);
      expect(page.indexOf(made), made).toBeLessThan(check);
    }
  });

  it("starts a container that trusts a proxy on its host, which comes from the network's gateway", () => {
    const subnet = /docker network create --subnet (\S+)\.0\/24 (\S+)/.exec(page);
    const run = /docker run .*--network (\S+)[^`]*?--ws (\S+) --behind-proxy --trusted-proxy (\S+)/s.exec(page);
    expect(run?.[1]).toBe(subnet?.[2]);
    const config = readConfig({ ws: [run?.[2] ?? ""], behindProxy: true, trustedProxies: [run?.[3] ?? ""] });
    const access = new Access({ ...config, trustedProxies: config.trustedProxies ?? [] });
    expect(
      access.clientOf({ headers: { "x-forwarded-for": "198.51.100.7" }, peer: `${subnet?.[1] ?? ""}.1`, isTls: true }),
    ).toBe("198.51.100.7");
  });
});

describe("the example configuration", () => {
  it("is one", () => {
    expect(readConfig(JSON.parse(deployed("config.example.json")) as BrokerOptions)).toMatchObject({
      ws: ["0.0.0.0:8080"],
    });
  });
});
