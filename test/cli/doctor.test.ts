import { chmod, copyFile, mkdtemp, rm } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Finding } from "../../src/cli/doctor/check.js";
import { makeCertificate, makeNameless } from "../kit/certificates.js";
import { runCli, type Ended } from "../kit/cli.js";
import { PlainAgent } from "../kit/plain-agent.js";
import { freeDoors, serveBroker, type Served } from "./served.js";

function findingsOf({ stdout }: Ended): readonly Finding[] {
  return (JSON.parse(stdout) as { findings: readonly Finding[] }).findings;
}

describe("broker doctor", () => {
  let served: Served;
  beforeEach(async () => {
    served = await serveBroker("--own", "pan=127.0.0.1:0");
  });
  afterEach(async () => {
    await served.end();
  });

  it("goes through every door of a running broker and finds all well", async () => {
    const ended = await served.cli("doctor", ...freeDoors, "--json");
    const findings = findingsOf(ended);
    expect(findings.filter(({ result }) => result === "failed" || result === "skipped")).toEqual([]);
    expect(ended.code).toBe(0);
    const checks = findings.map(({ check }) => check);
    expect(checks).toEqual(
      expect.arrayContaining([
        "node",
        "zeromq module",
        "configuration",
        "data directory",
        "file descriptors",
        "broker",
        "port ws",
        "ZeroMQ",
        "names",
        "clock",
        "AgentChat",
      ]),
    );
    for (const twice of ["PAN", "/healthz", "/readyz"])
      expect(checks.filter((check) => check === twice)).toHaveLength(2); // the common door and PAN's own
    const people = await served.cli("doctor", ...freeDoors);
    expect(people.stdout).toMatch(/^ok {4}ZeroMQ +tcp:/m);
    // few descriptors are a warning
    expect(people.stderr).toMatch(/^(all is well|nothing failed; \d+ of \d+ checks warn)\n$/);
  });

  it("looks at the running broker's own doors where nobody names others", async () => {
    const findings = findingsOf(await served.cli("doctor", "--json"));
    const found = findings.filter(({ check }) => check.startsWith("port "));
    expect(found.map(({ check, result }) => [check, result])).toEqual(
      ["zmqIn", "zmqOut", "ws", "ownDoors"].map((path) => [`port ${path}`, "good"]),
    );
    expect(found.map(({ found: words }) => words)).toContain(`${served.at.zmqIn}: ours`);
  });

  it("finds secrets that others could read, and a port that another program has", async () => {
    // One that the broker does not close to others by itself while it runs, as it does with its tokens.
    await chmod(join(served.dataDir, "endpoints.json"), 0o644);
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as AddressInfo;
    try {
      const ended = await served.cli("doctor", ...freeDoors.slice(0, 4), "--ws", `127.0.0.1:${port}`, "--json");
      expect(ended.code).toBe(1);
      const failed = findingsOf(ended).filter(({ result }) => result === "failed");
      expect(failed).toEqual([
        expect.objectContaining({
          check: "data directory",
          found: expect.stringContaining("endpoints.json") as string,
          remedy: expect.stringContaining("chmod") as string,
        }),
        expect.objectContaining({ check: "port ws", remedy: expect.stringContaining("--ws") as string }),
      ]);
    } finally {
      other.close();
    }
  });

  it("warns of a name that two programs use", async () => {
    const twins = [1, 2].map(() => new PlainAgent("twin", served.at, { declare: true }));
    try {
      await Promise.all(twins.map((twin) => twin.meet()));
      const findings = findingsOf(await served.cli("doctor", ...freeDoors, "--json"));
      expect(findings.find(({ check }) => check === "names")).toMatchObject({
        result: "warning",
        found: "used by several connections: twin by 2",
        remedy: expect.stringContaining("a name of its own") as string,
      });
      expect((await served.cli("agents")).stdout).toMatch(/^twin +zmq +claimed .* 2$/m);
    } finally {
      for (const twin of twins) twin.close();
    }
  });

  it("finds that no broker runs, with what to do, and that its configuration is wrong", async () => {
    const ended = await runCli(["doctor", ...freeDoors, "--data-dir", join(served.home, "elsewhere")]);
    expect(ended.code).toBe(1);
    expect(ended.stdout).toMatch(/^FAIL {2}broker +none runs on .*\n +start one: broker start/m);
    expect(ended.stdout).toMatch(/^skip {2}ZeroMQ +no broker runs$/m);
    const wrong = await served.cli("doctor", "--ws", "127.0.0.1:70000");
    expect(wrong).toMatchObject({ code: 1 });
    expect(wrong.stdout).toMatch(/^FAIL {2}configuration +--ws: must have a port/m);
  });
});

describe("broker doctor with TLS", () => {
  let served: Served | undefined;
  afterEach(async () => {
    await served?.end();
  });

  it("warns of a certificate that names no host, in the file and at the door", async () => {
    const folder = await mkdtemp(join(tmpdir(), "synaptic-doctor-"));
    try {
      const { cert, key } = makeNameless(folder, "nameless");
      served = await serveBroker("--tls-cert", cert, "--tls-key", key);
      const found = findingsOf(
        await served.cli("doctor", ...freeDoors, "--tls-cert", cert, "--tls-key", key, "--json"),
      );
      for (const check of ["certificate names", "certificate shown"])
        expect(found).toContainEqual(
          expect.objectContaining({
            check,
            result: "warning",
            found: expect.stringMatching(/names no host/) as string,
          }),
        );
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("checks doors with TLS, warns of a certificate that soon expires, and finds one not read yet", async () => {
    const home = await serveBroker(); // a folder for the files
    const { cert, key } = makeCertificate(home.home, "first");
    const flags = [...freeDoors, "--tls-cert", cert, "--tls-key", key];
    try {
      served = await serveBroker("--tls-cert", cert, "--tls-key", key);
      const well = findingsOf(await served.cli("doctor", ...flags, "--json"));
      expect(well.filter(({ result }) => result === "failed")).toEqual([]);
      expect(well).toContainEqual(expect.objectContaining({ check: "certificate", result: "warning" }));
      expect(well).toContainEqual(
        expect.objectContaining({
          check: "certificate shown",
          result: "warning",
          found: expect.stringMatching(/expires in 1 days/) as string,
        }),
      );
      // What the door shows is known without the start's flags, too.
      expect(await served.cli("doctor")).toMatchObject({
        stderr: expect.stringMatching(/nothing failed; [1-9]\d* of \d+ checks warn/) as string,
        stdout: expect.stringMatching(/certificate shown .*expires in 1 days/) as string,
      });
      expect(well).toContainEqual(
        expect.objectContaining({ check: "PAN", result: "good", found: expect.stringMatching(/^wss:/) as string }),
      );
      const next = makeCertificate(home.home, "second");
      await copyFile(next.cert, cert);
      const half = findingsOf(await served.cli("doctor", ...flags, "--json"));
      expect(half.filter(({ result }) => result === "failed").map(({ check }) => check)).toEqual(["certificate"]);
      await copyFile(next.key, key);
      expect(findingsOf(await served.cli("doctor", ...flags, "--json"))).toContainEqual(
        expect.objectContaining({ check: "certificate shown", result: "failed" }),
      );
      served.broker.process.kill("SIGHUP");
      await served.broker.tells(/SIGHUP, reloaded: tls\n/);
      expect(await served.cli("doctor", ...flags)).toMatchObject({ code: 0 });
    } finally {
      await home.end();
    }
  });
});
