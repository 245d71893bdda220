import { afterEach, describe, expect, it } from "vitest";
import { callMs } from "../../../src/ops/webhooks/call.js";
import { eventually } from "../../kit/broker.js";
import { says, silence, status } from "../../kit/issuer-server.js";
import { by, WebhookWorld } from "./kit.js";

let world: WebhookWorld;
afterEach(async () => {
  await world.end();
  expect(world.clock.waiting).toBe(0);
});

const ended = (count = 1): Promise<void> =>
  eventually(() => world.audited.length === count, `${String(count)} are over`);

describe("a host of webhooks that is no good", () => {
  it.each([301, 302, 303, 307, 308])("is not followed to where it points (%d)", async (code) => {
    world = await WebhookWorld.start();
    world.answers(status(code, { location: `${world.server.url}2` }));
    world.hooks.send(world.server.url, {}, by);
    await ended();
    expect(world.audited[0]).toMatchObject({
      outcome: "refused",
      status: code,
      why: expect.stringContaining("redirect") as string,
    });
    expect(world.posted).toHaveLength(1);
  });

  it("has 5 s to answer", async () => {
    world = await WebhookWorld.start();
    world.answers(silence);
    world.hooks.send(world.server.url, {}, by);
    await eventually(() => world.posted.length === 1, "the host is asked");
    world.clock.advance(callMs - 1);
    expect(world.counted).toEqual({});
    world.clock.advance(1);
    await eventually(() => world.counted["webhook-again"] === 1, "it is given up");
    await eventually(() => world.server.connections === 0, "the connection is closed");
  });

  it("is believed by its status where its answer never ends", async () => {
    world = await WebhookWorld.start();
    world.answers((_request, response) => response.writeHead(200).write("{"));
    world.hooks.send(world.server.url, {}, by);
    await eventually(() => world.posted.length === 1, "the host is asked");
    // The head of the answer has to be here before its time is over.
    await eventually(() => {
      if (world.audited.length === 0) world.clock.advance(100);
      return world.audited.length === 1 || world.counted["webhook-again"] === 1;
    }, "it is over");
    if (world.audited.length === 1) expect(world.audited[0]).toMatchObject({ outcome: "delivered", tries: 1 });
    await eventually(() => world.server.connections === 0, "the connection is closed");
  });

  it("is cut when its answer is huge", async () => {
    world = await WebhookWorld.start();
    let written = 0;
    world.answers((_request, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write("x".repeat(16_384))) written += 16_384;
        if (!response.destroyed) response.once("drain", more);
      };
      more();
    });
    world.hooks.send(world.server.url, {}, by);
    await ended();
    expect(world.audited[0]).toMatchObject({ outcome: "delivered", status: 200 });
    await eventually(() => world.server.connections === 0, "the connection is closed");
    expect(written).toBeLessThan(16 * 1024 * 1024);
  });

  it("has no certificate that is trusted", async () => {
    world = await WebhookWorld.start({
      hosts: ({ url }) => [{ host: `elsewhere.test:${new URL(url).port}`, isPrivate: true }],
      lookup: () => Promise.resolve([{ address: "127.0.0.1", family: 4 }]),
    });
    world.answers(says({}));
    world.hooks.send(world.server.url.replace("127.0.0.1", "elsewhere.test"), {}, by);
    await eventually(() => world.counted["webhook-again"] === 1, "it has failed");
    expect(world.posted).toEqual([]);
  });

  it("leaves room for others: it has half of what may wait", async () => {
    world = await WebhookWorld.start({
      hosts: ({ url }) => [
        { host: new URL(url).host, isPrivate: true },
        { host: new URL(url).host.replace("127.0.0.1", "localhost"), isPrivate: true },
      ],
    });
    world.answers(silence);
    for (let n = 0; n < 7; n += 1) world.hooks.send(world.server.url, { n }, by);
    expect(world.audited.map(({ outcome }) => outcome)).toEqual(["full", "full"]);
    await eventually(() => world.posted.length === 4, "four calls are under way");
    world.answers(status(204));
    world.hooks.send(world.server.url.replace("127.0.0.1", "localhost"), {}, by);
    await ended(3);
    expect(world.audited[2]).toMatchObject({ outcome: "delivered", tries: 1 });
    expect(world.counted).toMatchObject({ "webhook-full": 2 });
  });

  it("gets no more bytes than may wait", async () => {
    world = await WebhookWorld.start({ limits: { webhooksMaxBytes: 1_000 } });
    world.answers(silence);
    world.hooks.send(world.server.url, { text: "x".repeat(900) }, by);
    world.hooks.send(world.server.url, { text: "x".repeat(100) }, by);
    expect(world.audited).toMatchObject([{ outcome: "full", tries: 0 }]);
  });
});
