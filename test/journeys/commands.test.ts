import { createHmac } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runCli, startCli, type Program } from "../kit/cli.js";
import { eventually } from "../kit/broker.js";
import { IssuerServer } from "../kit/issuer-server.js";
import { PanWire } from "../kit/pan-wire.js";
import { ViewerWire } from "../kit/viewer-wire.js";
import { auditLines } from "../ops/kit.js";
import { freeDoors } from "../cli/served.js";

interface Posted {
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

describe("an operator's commands, at a real broker", () => {
  let home: string;
  let dataDir: string;
  let server: IssuerServer;
  let broker: Program;
  const posted: Posted[] = [];
  /** Where the WebSocket doors are, as a client of the document's needs it. */
  let at: { readonly pan: string };

  const token = async (name: string, flag: string, ...scopes: readonly string[]): Promise<string> => {
    const wanted = scopes.length === 0 ? [] : ["--scope", ...scopes];
    const { stdout } = await runCli(["token", name, flag, ...wanted, "--create", "--data-dir", dataDir]);
    return stdout.trim();
  };
  const start = async (): Promise<void> => {
    const host = `${new URL(server.url).host}=private`;
    broker = startCli(["start", ...freeDoors, "--data-dir", dataDir, "--visualisation-webhook-hosts", host], {
      NODE_EXTRA_CA_CERTS: server.ca,
    });
    await broker.prints(/broker status/);
    const { ws } = JSON.parse(readFileSync(join(dataDir, "endpoints.json"), "utf8")) as { ws: [string] };
    at = { pan: `${ws[0]}/pan` };
  };

  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), "synaptic-commands-"));
    dataDir = join(home, "data");
    server = await IssuerServer.start(home, (request, response) => {
      let body = "";
      request.setEncoding("utf8");
      request.on("data", (text: string) => (body += text));
      request.on("end", () => {
        posted.push({ headers: request.headers, body });
        // The first is tried again.
        response.writeHead(posted.length === 1 ? 503 : 204).end();
      });
    });
    await start();
  });
  afterAll(async () => {
    await broker.stop();
    await server.stop();
    rmSync(home, { recursive: true, force: true });
  });

  it("reach an agent, and their answer comes back, and to the host of the callback, signed", async () => {
    const bob = await PanWire.login(at.pan, "bob", await token("bob", "--pan"));
    const olga = await ViewerWire.open(at, "control", await token("olga", "--jwt", "observe", "control"));
    const callback = { type: "webhook", url: server.url };
    const payload = { targetAgent: "bob", command: "execute_tool", parameters: { secret: "s3cret" }, callback };
    olga.say({ id: "msg-131", type: "control.execute", payload, metadata: { correlationId: "c-131" } });
    const asked = await bob.hears((frame) => frame["intent"] === "request");
    expect(asked).toMatchObject({
      fromName: "olga",
      data: { command: "execute_tool", parameters: { secret: "s3cret" } },
    });
    bob.say({ type: "chat", to: asked["from"], text: "done", replyTo: asked["messageId"] });
    const result = await olga.hears(({ type }) => type === "control.result");
    expect(result).toMatchObject({
      payload: {
        targetAgent: "bob",
        status: "completed",
        result: { message: "done", data: null },
        requestId: "msg-131",
      },
      metadata: { correlationId: "c-131" },
    });

    await eventually(() => posted.length === 2, "the callback is tried again");
    const keyPath = join(dataDir, "webhook-key");
    expect(statSync(keyPath).mode & 0o777).toBe(0o600);
    const key = readFileSync(keyPath, "utf8").trim();
    for (const { headers, body } of posted) {
      const timestamp = String(headers["x-synaptic-timestamp"]);
      const signature = createHmac("sha256", key).update(`${timestamp}.${body}`).digest("hex");
      expect(headers["x-synaptic-signature"]).toBe(`sha256=${signature}`);
      expect(JSON.parse(body)).toMatchObject({ type: "control.result", payload: result.payload });
    }
    expect(new Set(posted.map(({ headers }) => headers["x-synaptic-delivery"])).size).toBe(1);

    const log = join(dataDir, "audit.log");
    await eventually(() => auditLines(log).some(({ event }) => event === "webhook"), "the audit log has it");
    expect(auditLines(log)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          event: "command",
          by: "olga",
          target: "bob",
          command: "execute_tool",
          id: "msg-131",
          outcome: "completed",
        }),
        expect.objectContaining({ event: "webhook", by: "olga", outcome: "delivered", tries: 2, status: 204 }),
      ]),
    );
    expect(readFileSync(log, "utf8")).not.toContain("s3cret");
    bob.close();
    olga.close();
  });

  it("to a host that is not listed execute nothing", async () => {
    const bob = await PanWire.login(at.pan, "bob", await token("bob", "--pan"));
    const olga = await ViewerWire.open(at, "control", await token("olga", "--jwt", "control"));
    const callback = { type: "webhook", url: "https://169.254.169.254/latest" };
    olga.say({ id: "1", type: "control.execute", payload: { targetAgent: "bob", command: "rest", callback } });
    expect(await olga.hears(({ type }) => type === "error")).toMatchObject({
      payload: { code: "INVALID_MESSAGE", details: { requestId: "1" } },
    });
    olga.say({ id: "2", type: "control.execute", payload: { targetAgent: "bob", command: "rest" } });
    // The first that bob is asked is the second command.
    expect(await bob.hears((frame) => frame["intent"] === "request")).toMatchObject({ messageId: "2" });
    bob.close();
    olga.close();
  });

  it("set multi-agents up for good: other viewers are told, and a broker that is started anew knows it", async () => {
    const configuration = {
      topology: "HIERARCHICAL",
      coordinationStrategy: "consensus",
      faultTolerance: { enabled: true, redundancy: 2, heartbeatInterval: 5_000 },
      performanceTargets: { maxLatency: 100, minThroughput: 1_000, targetSuccessRate: 0.99 },
    };
    const olga = await ViewerWire.open(at, "control", await token("olga", "--jwt", "control"));
    const otto = await ViewerWire.open(at, "control", await token("otto", "--jwt", "observe"));
    const payload = { "multi-agentId": "multi-agent-001", configuration };
    olga.say({ id: "msg-132", type: "control.multi-agent.configure", payload });
    for (const viewer of [olga, otto])
      expect(await viewer.hears(({ type }) => type === "control.multi-agent.configured")).toMatchObject({
        payload: { ...payload, by: "olga" },
      });
    otto.say({ id: "1", type: "control.multi-agent.configure", payload });
    expect(await otto.hears(({ type }) => type === "error")).toMatchObject({ payload: { code: "AUTH_FAILED" } });
    olga.close();
    otto.close();

    await broker.stop("SIGKILL");
    await start();
    const again = await ViewerWire.open(at, "control", await token("otto", "--jwt", "observe"));
    const parameters = { "multi-agentId": "multi-agent-001" };
    again.say({
      id: "2",
      type: "control.execute",
      payload: { targetAgent: "$broker", command: "multi-agent.get", parameters },
    });
    expect(await again.hears(({ type }) => type === "control.result")).toMatchObject({
      payload: { status: "completed", result: { data: { ...payload, by: "olga" } } },
    });
    again.close();
  });
});
