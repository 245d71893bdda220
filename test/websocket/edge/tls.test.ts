import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { connect as connectPlain, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { Broker, type BrokerOptions } from "../../../src/index.js";
import { FakeClock } from "../../../src/conformance/fake-clock.js";
import { Fault } from "../../../src/core/index.js";
import { readTlsPair } from "../../../src/websocket/edge/tls.js";
import { eventually } from "../../kit/broker.js";
import { makeCertificate, makeExpired } from "../../kit/certificates.js";
import { Strangers } from "../../kit/strangers.js";
import { WsWorld } from "../../kit/ws-world.js";
import { auditLines } from "../../ops/kit.js";

describe("TLS on the WebSocket doors", () => {
  let folder: string;
  let files: { readonly cert: string; readonly key: string };
  let broker: Broker;
  const options = (more: BrokerOptions = {}): BrokerOptions => ({
    dataDir: join(folder, "data"),
    zmqIn: ["tcp://127.0.0.1:0"],
    zmqOut: ["tcp://127.0.0.1:0"],
    ws: ["127.0.0.1:0"],
    tlsCert: files.cert,
    tlsKey: files.key,
    ...more,
  });
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
  function peer(how: ConnectionOptions = {}): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket: TLSSocket = connect(
        { port: Number(new URL(url()).port), host: "127.0.0.1", rejectUnauthorized: false, ...how },
        () => {
          resolve(`${String(socket.getPeerCertificate().subject.CN)} ${socket.getProtocol() ?? ""}`);
          socket.destroy();
        },
      );
      socket.once("error", reject);
    });
  }

  it("has no handshake that is dear to the broker, nor after a reload", async () => {
    for (const name of ["rsa", "next"]) {
      const { cert, key } = makeCertificate(folder, name, [], "rsa");
      broker.reload(options({ tlsCert: cert, tlsKey: key }));
      // What its first message brings about is done in its turn, what follows is not.
      await expect(peer({ maxVersion: "TLSv1.2", ciphers: "AES256-GCM-SHA384" })).rejects.toThrow();
      for (const ecdhCurve of ["ffdhe8192", "ffdhe2048", "P-521"])
        await expect(peer({ ecdhCurve }), ecdhCurve).rejects.toThrow();
      for (const ecdhCurve of ["X25519", "P-256", "P-384", "X448:X25519"])
        expect(await peer({ ecdhCurve }), ecdhCurve).toBe(`${name} TLSv1.3`);
      expect(await peer({ maxVersion: "TLSv1.2" })).toBe(`${name} TLSv1.2`);
    }
  });

  it("is known by the names of its certificate, also of the next one, and by no other", async () => {
    /** The HTTP status of an upgrade that a browser asks for, on a page of that host. */
    const statusOf = (host: string): Promise<number> =>
      new Promise((resolve, reject) => {
        const client = new WebSocket(`${url()}/pan`, {
          headers: { origin: `https://${host}`, host, "user-agent": "Mozilla/5.0" },
          rejectUnauthorized: false,
        });
        client.once("open", () => {
          client.terminate();
          resolve(101);
        });
        client.once("unexpected-response", (_request, response) => {
          resolve(response.statusCode ?? 0);
        });
        client.on("error", reject);
      });
    expect(await statusOf("broker.example")).toBe(403);
    const named = makeCertificate(folder, "named", ["broker.example", "*.agents.example"]);
    broker.reload(options({ tlsCert: named.cert, tlsKey: named.key }));
    for (const host of ["broker.example", "a.agents.example"]) expect(await statusOf(host)).toBe(101);
    for (const host of ["a.b.agents.example", "evil.example"]) expect(await statusOf(host)).toBe(403);
    broker.reload(options());
    expect(await statusOf("broker.example")).toBe(403);
  });

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
      client.send(
        JSON.stringify({
          type: "auth",
          agentId: "ada",
          token: readFileSync(join(folder, "data", "pan-token"), "utf8").trim(),
        }),
      );
    });
    expect(JSON.parse(await heard)).toMatchObject({ type: "system", status: "success" });
    client.terminate();
  });

  it("gives a reader that stops now and then every byte in order", async () => {
    const reader = new WebSocket(`${url()}/pan`, { ca: readFileSync(files.cert) });
    const token = readFileSync(join(folder, "data", "pan-token"), "utf8").trim();
    await once(reader, "open");
    reader.send(JSON.stringify({ type: "auth", agentId: "reader", token }));
    await once(reader, "message");
    const heard: string[] = [];
    const all = new Promise<void>((resolve) => {
      reader.on("message", (data: Buffer) => {
        const event = JSON.parse(data.toString()) as { type: string; text: string };
        if (event.type === "chat" && heard.push(event.text) === 300) resolve();
        if (heard.length % 20 === 0) {
          reader.pause();
          setTimeout(() => {
            reader.resume();
          }, 2);
        }
      });
    });
    const said = Array.from(
      { length: 300 },
      (_, n) => `${String(n)} ${String.fromCharCode(97 + (n % 26)).repeat((n * 7_919) % 3_000)}`,
    );
    const speaker = broker.agent("speaker");
    for (const text of said) await speaker.inform("reader", text);
    await all;
    expect(heard.every((text, n) => text === said[n])).toBe(true);
    reader.terminate();
  });

  it("has a place for a stranger when another one has taken all of them and says nothing", async () => {
    await broker.stop();
    broker = new Broker(options({ limits: { wsHalfOpenMax: 2 } }));
    await broker.start();
    const strangers = new Strangers();
    const dial = async (): Promise<Socket> => {
      const socket = connectPlain({ port: Number(new URL(url()).port), host: "127.0.0.1" });
      await once(socket, "connect");
      return socket;
    };
    const silent = [await strangers.from("192.0.2.1", dial), await strangers.from("192.0.2.1", dial)];
    const ended = silent.map((socket) => once(socket.resume(), "close"));
    expect(await strangers.from("198.51.100.7", () => peer())).toContain("TLSv1.3");
    await ended[0];
    expect(silent[1]?.destroyed).toBe(false);
    strangers.end();
    silent[1]?.destroy();
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
    expect(() => broker.reload(options())).toThrow(/--tls-cert .* holds no certificate in PEM .*; from DER: openssl/);
    rmSync(files.key);
    expect(() => broker.reload(options())).toThrow(/--tls-key .* cannot be read/);
    expect(await peer()).toBe("second TLSv1.3");
  });

  it("says which file is not what it should be, and what to do", () => {
    const openssl = (...args: readonly string[]): void => {
      execFileSync("openssl", args, { stdio: "ignore" });
    };
    const at = (name: string): string => join(folder, name);
    const other = makeCertificate(folder, "other");
    openssl("req", "-new", "-key", files.key, "-subj", "/CN=x", "-out", at("request"));
    openssl("x509", "-in", files.cert, "-outform", "der", "-out", at("der"));
    openssl("pkey", "-in", files.key, "-aes128", "-passout", "pass:secret", "-out", at("locked"));
    writeFileSync(at("chain"), readFileSync(other.cert, "utf8") + readFileSync(files.cert, "utf8"));
    for (const [cert, key, words] of [
      [at("request"), files.key, /--tls-cert .*request is a request for a certificate: have it signed/],
      [at("der"), files.key, /--tls-cert .*der holds no certificate in PEM .*; from DER: openssl x509/],
      [files.cert, at("locked"), /--tls-key .*locked is protected by a passphrase.*: openssl pkey -in /],
      [files.cert, files.cert, /--tls-key .* holds no private key in PEM/],
      [at("chain"), files.key, /are no pair: the key is another .* the broker's own comes first/],
    ] as const)
      expect(() => readTlsPair({ cert, key })).toThrow(words);
    for (const kind of ["-traditional", ""]) {
      openssl("pkey", "-in", files.key, ...(kind === "" ? [] : [kind]), "-out", at("same"));
      expect(readTlsPair({ cert: files.cert, key: at("same") }).key.toString()).toContain("PRIVATE KEY");
    }
  });

  it("refuses an expired pair while the present one is valid, and audits that; else takes it and warns", async () => {
    const old = makeExpired(folder, "old");
    for (const which of ["cert", "key"] as const) copyFileSync(old[which], files[which]);
    renameSync(join(folder, "data/audit.log"), join(folder, "moved"));
    expect(() => broker.reload(options())).toThrow(/first\.crt has expired at \d{4}-.*renew it.*still valid/);
    expect(await peer()).toBe("first TLSv1.3");
    expect(() =>
      broker.reload(() => {
        throw new Fault("malformed", "config.json is not JSON");
      }),
    ).toThrow(/is not JSON/);
    await broker.stop();
    expect(auditLines(join(folder, "data/audit.log")).slice(-3)).toMatchObject([
      { event: "reload.refused", problems: [expect.stringMatching(/has expired/)] },
      { event: "reload.refused", problems: ["config.json is not JSON"] },
      { event: "stop" },
    ]);
    const logged: string[] = [];
    broker = new Broker(options({ log: (level, event) => logged.push(`${level}: ${event}`) }));
    await broker.start();
    expect(logged).toEqual(
      expect.arrayContaining([expect.stringMatching(/^warn: the certificate has expired at \d{4}-.*renew it/)]),
    );
    expect(broker.reload(options())).toEqual({ changed: [], needRestart: [] });
    expect(await peer()).toBe("old TLSv1.3");
  });

  it("tells a refused reload in the log", async () => {
    await broker.stop();
    const logged: unknown[] = [];
    broker = new Broker(options({ log: (level, event, fields) => logged.push([level, event, fields]) }));
    await broker.start();
    rmSync(files.key);
    expect(() => broker.reload(options())).toThrow();
    expect(logged.at(-1)).toEqual([
      "error",
      "the configuration stays as it was",
      { problems: [expect.stringMatching(/--tls-key/)] },
    ]);
  });

  it("takes over limits and allow-lists, and says what needs a restart", () => {
    const done = broker.reload(
      options({ limits: { wsConnectionsMax: 7 }, origins: ["https://a.example"], ws: ["127.0.0.1:1"], rooms: ["#x"] }),
    );
    expect(done.changed).toEqual(["origins", "limits.wsConnectionsMax"]);
    expect(broker.reload(options({ limits: { wsFrameMaxBytes: 3_000 } })).needRestart).toContain(
      "limits.wsFrameMaxBytes",
    );
    broker.reload(options({ limits: { wsConnectionsMax: 7 }, origins: ["https://a.example"] }));
    expect([...done.needRestart].sort()).toEqual(["rooms", "ws"]);
    const again = broker.reload(
      options({ limits: { wsConnectionsMax: 7 }, origins: ["https://a.example"], ws: ["127.0.0.1:1"], rooms: ["#x"] }),
    );
    expect([again.changed, [...again.needRestart].sort()]).toEqual([[], ["rooms", "ws"]]);
  });

  it("trusts no proxy by a behindProxy that waits for a restart", async () => {
    const from = async (): Promise<string> => {
      const socket = connect({ port: Number(new URL(url()).port), host: "127.0.0.1", rejectUnauthorized: false });
      socket.write("GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
      let text = "";
      for await (const part of socket) text += String(part);
      return text.split("\r\n", 1)[0] ?? "";
    };
    const before = await from();
    expect(broker.reload(options({ behindProxy: true })).needRestart).toEqual(["behindProxy"]);
    expect(await from()).toBe(before);
    expect(broker.reload(options({ behindProxy: true, trustedProxies: ["127.0.0.0/8"] })).changed).toEqual([
      "trustedProxies",
    ]);
    expect(await from()).not.toBe(before);
  });

  it("needs a restart to begin or end", () => {
    expect([...broker.reload(options({ tlsCert: undefined, tlsKey: undefined })).needRestart].sort()).toEqual([
      "tlsCert",
      "tlsKey",
    ]);
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

it("a handshake has as much more time as its first message has waited for its turn", async () => {
  const folder = mkdtempSync(join(tmpdir(), "synaptic-hello-"));
  const clock = new FakeClock();
  const world = new WsWorld({}, 0, clock, readTlsPair(makeCertificate(folder, "first")));
  await world.edge.start();
  rmSync(folder, { recursive: true });
  const sockets = await Promise.all(Array.from({ length: 20 }, () => world.bare()));
  await eventually(() => world.edge.halfOpen === sockets.length, "all are here");
  const secured: TLSSocket[] = [];
  for (const socket of sockets) {
    const client = connect({ socket, rejectUnauthorized: false }, () => {
      if (secured.push(client) < sockets.length) client.destroy();
    });
    client.on("error", () => undefined);
  }
  for (let ms = 0; ms < sockets.length * 400; ms += 400) {
    clock.advance(400);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await eventually(() => secured.length === sockets.length, "all are secure");
  clock.advance(1_500);
  await new Promise((resolve) => setImmediate(resolve));
  expect(world.ledger.reasons["ws-head-timeout"]).toBeUndefined();
  clock.advance(1_500);
  await eventually(() => world.edge.halfOpen === 0, "the last has asked for nothing");
  expect(world.ledger.reasons["ws-head-timeout"]).toBe(1);
  await world.stop();
});
