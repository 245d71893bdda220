import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { defaultLimits, Fault, principal } from "../../src/core/index.js";
import { OperatorAccess, operationsPages, Readiness } from "../../src/ops/pages.js";
import type { PageRequest } from "../../src/websocket/edge/index.js";
import { LimiterMemory, operatorName } from "../../src/identity/index.js";
import { startBroker, type TestBroker } from "../kit/broker.js";
import { FakeClock } from "../../src/conformance/fake-clock.js";
import { PanWire, panToken } from "../kit/pan-wire.js";
import { httpOf } from "./kit.js";

const readiness = new Readiness();
const clock = new FakeClock();
let readings = "numbers";
const pages = operationsPages(
  clock,
  () => readiness.missing,
  () => Promise.resolve({ contentType: "text/metrics", text: () => Promise.resolve(readings) }),
  (bearer) => bearer === "secret",
);

function ask(path: string, more: Partial<PageRequest> = {}): ReturnType<typeof pages> {
  return pages({ method: "GET", path, remote: "127.0.0.1", isLocal: true, bearer: undefined, ...more });
}

describe("the pages", () => {
  it("say that the process works, always", async () => {
    expect(await ask("/healthz", { isLocal: false })).toMatchObject({ status: 200, body: "ok\n" });
  });

  it("say whether the broker takes work, and why not", async () => {
    expect(await ask("/readyz")).toMatchObject({ status: 503, body: expect.stringContaining("starting") as string });
    await readiness.start();
    expect(await ask("/readyz")).toMatchObject({ status: 200, body: "ready\n" });
    await readiness.drain();
    expect(await ask("/readyz")).toMatchObject({ status: 503, body: expect.stringContaining("stopping") as string });
  });

  it("show metrics to this machine and to the operator", async () => {
    for (const who of [{ isLocal: true }, { isLocal: false, bearer: "secret" }]) {
      expect(await ask("/metrics", who)).toEqual({ status: 200, type: "text/metrics", body: "numbers" });
    }
    for (const bearer of [undefined, "", "other"]) {
      expect(await ask("/metrics", { isLocal: false, bearer })).toMatchObject({
        status: 403,
        body: expect.stringMatching(/operator-token.*Bearer/) as string,
      });
    }
  });

  it("show metrics of this moment to the first ten of a second, and those of the tenth to a crowd", async () => {
    clock.advance(1_000);
    const heard: unknown[] = [];
    const asked = async (text: string): Promise<void> => {
      readings = text;
      heard.push((await ask("/metrics"))?.body);
    };
    for (let n = 1; n <= 12; n += 1) await asked(String(n));
    expect(heard.splice(0)).toEqual(["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "10", "10"]);
    clock.advance(999);
    await asked("13");
    clock.advance(1);
    await asked("14");
    expect(heard).toEqual(["10", "14"]);
  });

  it("leave every other path to others, and answer GET and HEAD only", async () => {
    for (const path of ["/", "/pan", "/metrics/", "/constructor"]) expect(await ask(path)).toBeUndefined();
    expect(await ask("/metrics", { method: "HEAD" })).toMatchObject({ status: 200 });
    expect(await ask("/metrics", { method: "POST" })).toMatchObject({ status: 405 });
  });
});

describe("the operator's access", () => {
  it("bars an address that guesses too often, even with the right token then", () => {
    const refused: string[] = [];
    const limits = { ...defaultLimits, loginFailuresPerMinute: 3 };
    const identity = {
      operator: (token: string) => {
        if (token !== "right") throw new Fault("unauthenticated", "wrong");
        return principal(operatorName, "proved");
      },
    };
    const access = new OperatorAccess(
      identity,
      new LimiterMemory({ limits, clock: new FakeClock() }),
      limits,
      (remote, { code }) => refused.push(`${remote} ${code}`),
    );
    expect(access.allows("right", "192.0.2.1")).toBe(true);
    expect(access.allows(undefined, "192.0.2.1")).toBe(false);
    for (let n = 0; n < 3; n += 1) expect(access.allows("wrong", "192.0.2.1")).toBe(false);
    expect(access.allows("right", "192.0.2.1")).toBe(false);
    expect(access.allows("right", "192.0.2.2")).toBe(true);
    expect(refused).toEqual([
      ...Array.from({ length: 3 }, () => "192.0.2.1 unauthenticated"),
      "192.0.2.1 rate-limited",
    ]);
  });
});

describe("a broker's pages, over HTTP", () => {
  let world: TestBroker;
  let http: string;
  beforeAll(async () => {
    world = await startBroker();
    http = httpOf(world.pan);
  });
  afterAll(() => world.stop());

  it("are there", async () => {
    for (const [path, words] of [
      ["/healthz", "ok\n"],
      ["/healthz/", "ok\n"],
      ["/readyz", "ready\n"],
      ["/readyz//?x", "ready\n"],
    ] as const) {
      const answer = await fetch(`${http}${path}`);
      expect([answer.status, await answer.text()]).toEqual([200, words]);
    }
  });

  it("are there for clients that offer HTTP/2, as Java's and curl's --http2 do", async () => {
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(new URL(http).port), "127.0.0.1");
      let text = "";
      socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
      socket.once("close", () => {
        resolve(text);
      });
      socket.once("error", reject);
      socket.write(
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n" +
          "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n",
      );
    });
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n.*\r\n\r\nok\n$/s);
  });

  it("show what the broker counts, and the name of nobody and nothing", async () => {
    const bot = await PanWire.login(world.pan, "very-own-name", panToken(world.dataDir));
    bot.say({ type: "join", room: "#very-own-room" });
    bot.say({ type: "chat", to: "nobody-of-this-name", text: "hello" });
    await bot.hears("error");
    await bot.settled();
    const answer = await fetch(`${http}/metrics`);
    const text = await answer.text();
    expect(answer.headers.get("content-type")).toMatch(/openmetrics/);
    for (const line of [
      'synaptic_connections{door="websocket",dialect="pan"} 1',
      'synaptic_sessions{dialect="pan"} 1',
      'synaptic_logins_total{dialect="pan",trust="shared"} 1',
      'synaptic_messages_total{result="unroutable"} 1',
      'synaptic_agents{dialect="pan"} 1',
      "synaptic_ready 1",
    ]) {
      expect(text).toContain(`${line}\n`);
    }
    expect(text).toMatch(/synaptic_faults_total\{at="session",code="not-found"\} 1\n/);
    expect(text).not.toMatch(/own-name|own-room|of-this-name/);
    const { ledger } = world.broker.status();
    expect(ledger.messages.accepted).toBe(Number(/^synaptic_messages_accepted_total (\d+)$/m.exec(text)?.[1]));
    bot.close();
  });

  it("know the operator by its token", async () => {
    const token = readFileSync(join(world.dataDir, "operator-token"), "utf8").trim();
    const answer = await fetch(`${http}/metrics`, { headers: { authorization: `Bearer ${token}` } });
    expect(answer.status).toBe(200);
    await answer.text();
  });
});
