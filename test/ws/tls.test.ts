import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { connect as connectPlain } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type SecureVersion, type TLSSocket } from "node:tls";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { Broker, type BrokerOptions } from "../../src/index.js";
import { makeCertificate } from "../kit/certificates.js";

describe("TLS on the WebSocket doors", () => {
  let folder: string;
  let files: { readonly cert: string; readonly key: string };
  let broker: Broker;
  const options = (more: BrokerOptions = {}): BrokerOptions => ({ dataDir: join(folder, "data"), zmqIn: ["tcp://127.0.0.1:0"], zmqOut: ["tcp://127.0.0.1:0"], ws: ["127.0.0.1:0"], tlsCert: files.cert, tlsKey: files.key, ...more });
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "synaptic-tls-"));
    files = makeCertificate(folder, "first");
    broker = new Broker(options());
    await broker.start();
  });
  afterEach(async () => {
    await broker.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const url = (): string => broker.endpoints.ws[0] ?? "";

  /** Connects by TLS and tells of whom the certificate is. */
  function peer(versions: { readonly maxVersion?: SecureVersion } = {}): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket: TLSSocket = connect({ port: Number(new URL(url()).port), host: "127.0.0.1", rejectUnauthorized: false, ...versions }, () => {
        resolve(`${String(socket.getPeerCertificate().subject.CN)} ${socket.getProtocol() ?? ""}`);
        socket.destroy();
      });
      socket.once("error", reject);
    });
  }

  it("speaks PAN over wss", async () => {
    expect(url()).toMatch(/^wss:\/\/127\.0\.0\.1:\d+$/);
    const client = new WebSocket(`${url()}/pan`, { ca: readFileSync(files.cert) });
    const heard = new Promise<string>((resolve, reject) => {
      client.once("message", (data: Buffer) => {
        resolve(data.toString());
      });
      client.once("error", reject);
    });
    client.once("open", () => {
      client.send(JSON.stringify({ type: "auth", agentId: "ada", token: readFileSync(join(folder, "data", "pan-token"), "utf8").trim() }));
    });
    expect(JSON.parse(await heard)).toMatchObject({ type: "system", status: "success" });
    client.terminate();
  });

  it("takes TLS 1.2 and 1.3, nothing older", async () => {
    expect(await peer()).toBe("first TLSv1.3");
    expect(await peer({ maxVersion: "TLSv1.2" })).toBe("first TLSv1.2");
    await expect(peer({ maxVersion: "TLSv1.1" })).rejects.toThrow();
  });

  it("reads the pair again, and keeps the old one if the new one is bad", async () => {
    const second = makeCertificate(folder, "second");
    copyFileSync(second.cert, files.cert);
    expect(() => broker.reload(options())).toThrow(/are no pair/);
    expect(await peer()).toBe("first TLSv1.3");
    copyFileSync(second.key, files.key);
    expect(broker.reload(options())).toEqual({ changed: ["tls"], needRestart: [] });
    expect(await peer()).toBe("second TLSv1.3");
    writeFileSync(files.cert, "no certificate");
    expect(() => broker.reload(options())).toThrow(/are no pair/);
    rmSync(files.key);
    expect(() => broker.reload(options())).toThrow(/--tls-key .* cannot be read/);
    expect(await peer()).toBe("second TLSv1.3");
  });

  it("takes over limits and allow-lists, and says what needs a restart", () => {
    const done = broker.reload(options({ limits: { wsConnectionsMax: 7 }, origins: ["https://a.example"], ws: ["127.0.0.1:1"], rooms: ["#x"] }));
    expect(done.changed).toEqual(["origins", "limits.wsConnectionsMax", "tls"]);
    expect(broker.reload(options({ limits: { wsFrameMaxBytes: 3_000 } })).needRestart).toContain("limits.wsFrameMaxBytes");
    broker.reload(options({ limits: { wsConnectionsMax: 7 }, origins: ["https://a.example"] }));
    expect([...done.needRestart].sort()).toEqual(["rooms", "ws"]);
    const again = broker.reload(options({ limits: { wsConnectionsMax: 7 }, origins: ["https://a.example"], ws: ["127.0.0.1:1"], rooms: ["#x"] }));
    expect([again.changed, [...again.needRestart].sort()]).toEqual([["tls"], ["rooms", "ws"]]);
  });

  it("needs a restart to begin or end", () => {
    expect([...broker.reload(options({ tlsCert: undefined, tlsKey: undefined })).needRestart].sort()).toEqual(["tlsCert", "tlsKey"]);
  });

  it("stops at once, whoever has not begun its handshake", async () => {
    await broker.stop();
    broker = new Broker(options({ dataDir: join(folder, "patient"), limits: { httpHeadMs: 600_000 } }));
    await broker.start();
    const silent = connectPlain(Number(new URL(url()).port), "127.0.0.1");
    await once(silent, "connect");
    await peer();
    const gone = once(silent, "close");
    await broker.stop();
    await gone;
  });

  it("is not begun by a broker whose pair is bad", () => {
    expect(() => new Broker(options({ tlsCert: join(folder, "none") }))).toThrow(/--tls-cert .*none cannot be read/);
  });
});
