import { existsSync, rmSync, statSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { eventually } from "../../kit/broker.js";
import { silence, status } from "../../kit/issuer-server.js";
import { by, WebhookWorld } from "./kit.js";

let world: WebhookWorld;
afterEach(async () => {
  await world.end();
  expect(world.clock.waiting).toBe(0);
});

const ended = (count = 1): Promise<void> =>
  eventually(() => world.audited.length === count, `${String(count)} are over`);

describe("webhooks", () => {
  it("POST an answer to a host of the configuration, signed", async () => {
    world = await WebhookWorld.start();
    world.answers(status(204));
    world.hooks.send(
      `${world.server.url}?cmd=131#part`,
      { type: "control.result", payload: { status: "completed" } },
      by,
    );
    await ended();
    const [posted] = world.posted;
    expect(posted).toMatchObject({
      path: "/keys?cmd=131",
      body: '{"type":"control.result","payload":{"status":"completed"}}',
      headers: { "content-type": "application/json", "x-synaptic-delivery": "d-1" },
    });
    expect(posted?.headers["x-synaptic-timestamp"]).toBe(String(world.clock.now() / 1_000));
    expect(posted?.headers["x-synaptic-signature"]).toBe(posted && world.signatureOf(posted));
    expect(statSync(world.keyPath).mode & 0o777).toBe(0o600);
    const host = new URL(world.server.url).host;
    expect(world.audited).toEqual([
      { event: "webhook", host, delivery: "d-1", by: "olga", outcome: "delivered", tries: 1, status: 204 },
    ]);
    expect(world.counted).toEqual({ "webhook-delivered": 1 });
    await eventually(() => world.server.connections === 0, "the connection is closed");
  });

  it("make no key where no host is listed", async () => {
    world = await WebhookWorld.start({ hosts: () => [] });
    expect(existsSync(world.keyPath)).toBe(false);
    expect(world.hooks.refusal("https://api.example.com/")?.code).toBe("malformed");
  });

  it.each([
    ["no url", "begins with https://"],
    ["http://api.example.com/hook", "begins with https://"],
    ["ftp://api.example.com/hook", "begins with https://"],
    ["https://olga:secret@api.example.com/hook", "a user or a password"],
    ["https://api.example.com:8443/hook", "api.example.com:8443 is no host that the configuration of the broker lists"],
    ["https://api.example.com./hook", "add it to visualisation.webhookHosts"],
    ["https://api.example.com.evil.org/hook", "is no host"],
    ["https://evil.org/https://api.example.com/", "is no host"],
    ["https://127.1/hook", "127.0.0.1 is no host"],
    [`https://api.example.com/${"x".repeat(2_048)}`, "begins with https://"],
  ])("refuse %s", async (url, why) => {
    world = await WebhookWorld.start({ hosts: () => [{ host: "api.example.com", isPrivate: false }] });
    const fault = world.hooks.refusal(url);
    expect(fault?.code).toBe("malformed");
    expect(fault?.message).toContain(why);
    world.hooks.send(url, {}, by);
    expect(world.audited).toEqual([]);
  });

  it.each(["https://api.example.com/callbacks/cmd-131", "https://API.Example.com:443/"])("take %s", async (url) => {
    world = await WebhookWorld.start({ hosts: () => [{ host: "api.example.com", isPrivate: false }] });
    expect(world.hooks.refusal(url)).toBeUndefined();
  });

  it.each([500, 502, 503, 599])(
    "try again after %d, under the same id, and give up after three tries",
    async (code) => {
      world = await WebhookWorld.start();
      world.answers(status(code));
      world.hooks.send(world.server.url, { n: 1 }, by);
      await eventually(() => world.counted["webhook-again"] === 1, "the first try has failed");
      world.clock.advance(999);
      expect(world.posted).toHaveLength(1);
      world.clock.advance(1);
      await eventually(() => world.counted["webhook-again"] === 2, "the second try has failed");
      world.clock.advance(5_000);
      await ended();
      expect(world.posted.map(({ headers }) => headers["x-synaptic-delivery"])).toEqual(["d-1", "d-1", "d-1"]);
      expect(new Set(world.posted.map(({ headers }) => headers["x-synaptic-timestamp"])).size).toBe(3);
      for (const posted of world.posted) expect(posted.headers["x-synaptic-signature"]).toBe(world.signatureOf(posted));
      expect(world.audited[0]).toMatchObject({ outcome: "failed", tries: 3, status: code });
      expect(world.counted).toEqual({ "webhook-again": 2, "webhook-failed": 1 });
    },
  );

  it("deliver at the second try what the first could not", async () => {
    world = await WebhookWorld.start();
    world.answers(status(500));
    world.hooks.send(world.server.url, { n: 1 }, by);
    await eventually(() => world.counted["webhook-again"] === 1, "the first try has failed");
    world.answers(status(200));
    world.clock.advance(1_000);
    await ended();
    expect(world.audited[0]).toMatchObject({ outcome: "delivered", tries: 2, status: 200 });
  });

  it.each([400, 401, 404, 410, 429])("take %d for a no", async (code) => {
    world = await WebhookWorld.start();
    world.answers(status(code));
    world.hooks.send(world.server.url, {}, by);
    await ended();
    expect(world.audited[0]).toMatchObject({
      outcome: "refused",
      tries: 1,
      status: code,
      why: expect.any(String) as string,
    });
    expect(world.posted).toHaveLength(1);
  });

  it("try again where the host cannot be reached", async () => {
    world = await WebhookWorld.start();
    await world.server.stop();
    world.hooks.send(world.server.url, {}, by);
    await eventually(() => world.counted["webhook-again"] === 1, "the first try has failed");
    world.clock.advance(1_000);
    await eventually(() => world.counted["webhook-again"] === 2, "the second try has failed");
    world.clock.advance(5_000);
    await ended();
    expect(world.audited[0]).toMatchObject({ outcome: "failed", tries: 3, why: "ECONNREFUSED" });
  });

  it("do not sign with a key that is gone, and say so", async () => {
    world = await WebhookWorld.start();
    world.answers(status(204));
    rmSync(world.keyPath);
    world.hooks.send(world.server.url, {}, by);
    await eventually(() => world.counted["webhook-again"] === 1, "the first try has failed");
    expect(world.posted).toEqual([]);
    await world.hooks.stop();
    expect(world.audited[0]).toMatchObject({ outcome: "left", tries: 1 });
  });

  it("give up what is on its way when the broker stops, and wait for nothing", async () => {
    world = await WebhookWorld.start();
    world.answers(silence);
    world.hooks.send(world.server.url, { n: 1 }, by);
    await eventually(() => world.posted.length === 1, "the host is asked");
    world.server.answer = status(500);
    world.hooks.send(world.server.url, { n: 2 }, by);
    await eventually(() => world.counted["webhook-again"] === 1, "another waits");
    await world.hooks.stop();
    expect(world.audited.map(({ outcome }) => outcome)).toEqual(["left", "left"]);
    world.hooks.send(world.server.url, { n: 3 }, by);
    expect(world.audited).toHaveLength(3);
    expect(world.counted).toMatchObject({ "webhook-left": 3 });
    await eventually(() => world.server.connections === 0, "the connections are closed");
  });
});
