import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { diagnose } from "../../src/cli/network/diagnosis.js";
import type { Identity } from "../../src/cli/network/place.js";
import { makeCertificate } from "../kit/certificates.js";
import { runCli, startProgram, type Ended } from "../kit/cli.js";
import { serveBroker, type Served } from "./served.js";

interface Report {
  readonly ok: boolean;
  readonly findings: readonly {
    readonly check: string;
    readonly result: string;
    readonly found: string;
    readonly remedy?: string;
  }[];
}

const steps = ["connect", "token", "handshake", "sealed round trip"];

describe("broker network doctor", () => {
  let served: Served;
  beforeAll(async () => {
    served = await serveBroker();
  });
  afterAll(() => served.end());

  const jwt = async (name: string, at = served): Promise<string> =>
    `${name}=${(await at.cli("token", name, "--jwt")).stdout.trim()}`;
  const results = ({ stdout }: Ended): readonly string[] =>
    (JSON.parse(stdout) as Report).findings.map(({ result }) => result);
  const failedIn = ({ stdout }: Ended): Report["findings"][number] | undefined =>
    (JSON.parse(stdout) as Report).findings.find(({ result }) => result === "failed");

  it("goes all the way with two agents of its own, and leaves nothing of them behind", async () => {
    const { code, stdout, stderr } = await served.cli("network", "doctor");
    expect([code, stderr]).toEqual([0, "all is well\n"]);
    const lines = stdout.trim().split("\n");
    expect(lines.map((line) => /^ok\s+(.+?)\s{2,}\S/.exec(line)?.[1])).toEqual(steps);
    expect(lines[0]).toContain(`${served.at.ws}/agent-network/v1/connect`);
    const [, one = "", other = ""] = /(\S+) and (\S+) are let in/.exec(stdout) ?? [];
    expect((await served.cli("token", "list", "--json")).stdout).not.toContain("doctor-");
    expect((await served.cli("contacts", "list")).stdout).toBe("");
    for (const name of [one, other]) {
      expect(name).toMatch(/^doctor-/);
      const forgotten = await served.cli("network", "forget", name);
      expect(forgotten).toMatchObject({ code: 4, stderr: expect.stringMatching(/not|nothing|nobody/) as string });
    }
  });

  it("tells which step fails where its own two agents never get in", async () => {
    const ended = await served.cli("network", "doctor", "ws://127.0.0.1:1/agent-network/v1/connect", "--json");
    expect([ended.code, results(ended)]).toEqual([1, ["failed", "skipped", "skipped", "skipped"]]);
    expect(failedIn(ended)).toMatchObject({ check: "connect" });
  });

  it("tells a program the same, as JSON", async () => {
    const { code, stdout } = await served.cli("network", "doctor", "--json");
    const { ok, findings } = JSON.parse(stdout) as Report;
    expect([code, ok, findings.map(({ check }) => check)]).toEqual([0, true, steps]);
    for (const { found } of findings) expect(found).toMatch(/\d+ ms$/);
  });

  it("looks at a broker elsewhere by two tokens, of the command line or of the environment", async () => {
    const [ada, bob] = [await jwt("ada"), await jwt("bob")];
    const args = ["network", "doctor", served.at.ws, "--json"];
    const named = await runCli([...args, "--token", ada, bob, "--data-dir", `${served.home}/none`]);
    expect([named.code, results(named)]).toEqual([0, ["good", "good", "good", "good"]]);
    const program = startProgram(process.execPath, ["bin/broker.js", ...args], {
      AGENT_NETWORK_TOKENS: `${ada} ${bob}`,
    });
    const fromEnvironment = await program.ended;
    expect([fromEnvironment.code, results(fromEnvironment)]).toEqual([0, ["good", "good", "good", "good"]]);
  });

  it("works where only approved contacts may speak, and tells two who may not", async () => {
    const listed = await serveBroker("--agent-network-contacts", "listed");
    try {
      expect(await listed.cli("network", "doctor")).toMatchObject({ code: 0 });
      const tokens = [await jwt("ada", listed), await jwt("bob", listed)];
      const told = await listed.cli("network", "doctor", "--json", "--token", ...tokens);
      expect([told.code, results(told)]).toEqual([1, ["good", "good", "failed", "skipped"]]);
      expect(failedIn(told)?.found).toMatch(/bob is no approved contact/);
      expect(failedIn(told)?.remedy).toMatch(/contacts/);
    } finally {
      await listed.end();
    }
  });

  it("reaches a door with TLS of this machine, whatever its certificate is for", async () => {
    const folder = await mkdtemp(join(tmpdir(), "synaptic-doctor-"));
    const { cert, key } = makeCertificate(folder, "door");
    const tls = await serveBroker("--tls-cert", cert, "--tls-key", key);
    try {
      const { code, stdout } = await tls.cli("network", "doctor");
      expect(code).toBe(0);
      expect(stdout).toContain(`${tls.at.ws}/agent-network/v1/connect`);
      expect(tls.at.ws).toMatch(/^wss:/);
    } finally {
      await tls.end();
      await rm(folder, { recursive: true, force: true });
    }
  });

  it("names the step that fails, why, and what to do, and skips those behind it", async () => {
    const [ada, bob] = [await jwt("ada"), await jwt("bob")];
    const doctor = (url: string, ...tokens: readonly string[]): Promise<Ended> =>
      runCli(["network", "doctor", url, "--json", "--token", ...tokens, "--data-dir", served.dataDir]);

    const nowhere = await doctor("ws://127.0.0.1:9", ada, bob);
    expect([nowhere.code, results(nowhere)]).toEqual([1, ["failed", "skipped", "skipped", "skipped"]]);
    expect(failedIn(nowhere)).toMatchObject({
      check: "connect",
      found: expect.stringContaining("ECONNREFUSED") as string,
      remedy: expect.stringContaining("broker status") as string,
    });

    const wrong = await doctor(served.at.ws, ada, "bob=wrong");
    expect([wrong.code, results(wrong)]).toEqual([1, ["good", "failed", "skipped", "skipped"]]);
    expect(failedIn(wrong)).toMatchObject({
      check: "token",
      found: expect.stringContaining("AUTHENTICATION_FAILED") as string,
      remedy: expect.stringContaining("broker token NAME --jwt") as string,
    });

    const others = await doctor(served.at.ws, ada, bob.replace("bob=", "eve="));
    expect(failedIn(others)).toMatchObject({ check: "token", remedy: expect.stringContaining("NAME=TOKEN") as string });

    const web = createServer((_request, response) => response.writeHead(404).end());
    web.on("upgrade", (_request, socket) => socket.end("HTTP/1.1 404 Not Found\r\n\r\n"));
    web.listen(0, "127.0.0.1");
    await once(web, "listening");
    const page = await doctor(`ws://127.0.0.1:${(web.address() as AddressInfo).port}`, ada, bob);
    expect(failedIn(page)).toMatchObject({ check: "connect", found: expect.stringContaining("not spoken") as string });
    web.close();
  });

  it.each([
    ["handshake", "HANDSHAKE", /both have a key/],
    ["sealed round trip", "ENCRYPTED", /the answer has come/],
  ])("finds by the step %s that something between swallows frames", async (step, swallowed, found) => {
    const [ada, bob] = (await Promise.all([jwt("ada"), jwt("bob")])).map((word): Identity => {
      const [name = "", token = ""] = word.split("=");
      return { name, token };
    });
    const relay = new WebSocketServer({ port: 0, host: "127.0.0.1", handleProtocols: () => "agent-network.v1" });
    await once(relay, "listening");
    relay.on("connection", (near, { headers: { authorization } }) => {
      const headers = authorization === undefined ? {} : { authorization };
      const far = new WebSocket(`${served.at.ws}/agent-network/v1/connect`, "agent-network.v1", { headers });
      const opened = once(far, "open");
      near.on("message", (data: Buffer) => {
        const text = data.toString();
        if (!text.includes(`"messageType":"${swallowed}"`))
          void opened.then(() => {
            far.send(text);
          });
      });
      far.on("message", (data: Buffer) => {
        near.send(data.toString());
      });
      far.on("close", () => {
        near.close();
      });
      near.on(
        "close",
        () =>
          void opened.then(() => {
            far.close();
          }),
      );
    });
    const url = `ws://127.0.0.1:${(relay.address() as AddressInfo).port}`;
    if (ada === undefined || bob === undefined) throw new Error("two tokens were made");
    const findings = await diagnose({ url, name: "the door" }, ada, bob, 1_000);
    expect(findings.find(({ result }) => result === "failed")).toMatchObject({
      check: step,
      found: expect.stringMatching(found) as string,
      remedy: expect.stringContaining("log") as string,
    });
    expect(JSON.stringify(findings)).not.toContain(url);
    relay.close();
  });

  it("says how its tokens are written, and that it needs a broker to make them", async () => {
    const told = async (...args: readonly string[]): Promise<readonly [number | null, string]> => {
      const { code, stderr } = await served.cli("network", "doctor", ...args);
      return [code, stderr];
    };
    expect(await told("--token", "ada")).toEqual([2, expect.stringContaining("NAME=TOKEN")]);
    expect(await told("--token", "ada=x")).toEqual([2, expect.stringContaining("two agents")]);
    expect(await told("--token", "ada=x", "ada=y")).toEqual([2, expect.stringContaining("two agents")]);
    expect(await told("http://127.0.0.1:9")).toEqual([2, expect.stringContaining("ws://HOST:PORT")]);
    const none = await runCli(["network", "doctor", served.at.ws, "--data-dir", `${served.home}/none`]);
    expect([none.code, none.stderr]).toEqual([3, expect.stringMatching(/no broker runs .*--token ada=TOKEN/)]);
  });
});
