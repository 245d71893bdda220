import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Latencies } from "../../src/cli/bench/load.js";
import type { BenchResult } from "../../src/cli/bench/report.js";
import { startCli } from "../kit/cli.js";
import { serveBroker, type Served } from "./served.js";

describe("broker bench", () => {
  let served: Served;
  beforeAll(async () => {
    served = await serveBroker();
  });
  afterAll(async () => {
    await served.end();
  });

  it.each([
    ["zmq", ["--rate", "100", "--pairs", "2"]],
    ["zmq", ["--rate", "0"]],
    ["pan", []],
    ["agentchat", []],
  ])("sends through the real door of %s %j, and everything arrives", async (via, args) => {
    const { code, stdout, stderr } = await served.cli("bench", "--via", via, "--seconds", "0.5", "--json", ...args);
    expect([code, stderr]).toEqual([0, ""]);
    const result = JSON.parse(stdout) as BenchResult;
    expect(result).toMatchObject({ via, refused: 0, lost: 0, reasons: [] });
    expect(result.received).toBe(result.sent);
    expect(result.received).toBeGreaterThan(0);
    const { p50 = 0, p95 = 0, p99 = 0, max = 0 } = result.latencyMs ?? {};
    expect([0 < p50, p50 <= p95, p95 <= p99, p99 <= max]).toEqual([true, true, true, true]);
  });

  it("tells what the broker refuses, and why", async () => {
    const { code, stdout } = await served.cli("bench", "--via", "agentchat", "--seconds", "0.5", "--rate", "50");
    expect(code).toBe(0);
    expect(stdout).toMatch(/\d+ sent = \d+ received \+ [1-9]\d* refused \+ 0 lost/);
    expect(stdout).toMatch(/^because +RATE_LIMITED/m);
  });

  it("ends early at a signal, with what it has", async () => {
    const bench = startCli(["bench", "--seconds", "60", "--rate", "10", "--json", "--data-dir", served.dataDir]);
    let agents: string;
    do agents = (await served.cli("agents")).stdout;
    while (!/bench-\w+-0-speaks/.test(agents));
    const { code, stdout } = await bench.stop("SIGINT");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ via: "zmq", lost: 0 });
  });

  it.each([
    [["--seconds", "61"], /from 0.1 to 60/],
    [["--pairs", "1.5"], /whole number from 1 to 100/],
    [["--via", "pan", "--size", "70000"], /at most 60000 bytes/],
    [["--via", "smtp"], /no door smtp; give one of zmq, pan, agentchat, agent-network, or its file by --dialect/],
  ])("is bounded: %j", async (args, words) => {
    const ended = await served.cli("bench", ...args);
    expect(ended).toMatchObject({ code: 2, stdout: "" });
    expect(ended.stderr).toMatch(words);
  });

  it("asks for --yes where other machines can reach the door", async () => {
    const file = join(served.dataDir, "endpoints.json");
    const own = await readFile(file, "utf8");
    await writeFile(
      file,
      JSON.stringify({ ...(JSON.parse(own) as object), ws: ["ws://192.0.2.1:8080"], zmqOut: ["tcp://192.0.2.1:5556"] }),
    );
    try {
      for (const via of ["zmq", "pan", "agentchat"]) {
        const ended = await served.cli("bench", "--via", via, "--seconds", "0.1");
        expect(ended).toMatchObject({ code: 4, stdout: "" });
        expect(ended.stderr).toMatch(/other machines can reach .*: say --yes if it is meant/);
      }
    } finally {
      await writeFile(file, own);
    }
  });

  it("knows latencies within 2 %, however many", () => {
    const latencies = new Latencies();
    expect(latencies.quantile(0.5)).toBeUndefined();
    for (let ms = 1; ms <= 1_000; ms += 1) latencies.add(ms);
    for (const share of [0.5, 0.95, 0.99])
      expect(Math.abs((latencies.quantile(share) ?? 0) / (share * 1_000) - 1)).toBeLessThan(0.02);
    expect([latencies.quantile(1), latencies.maxMs, latencies.count]).toEqual([1_000, 1_000, 1_000]);
  });
});
