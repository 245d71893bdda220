import { afterEach, describe, expect, it } from "vitest";
import type { HostAddress } from "../../../src/ops/webhooks/host-lookup.js";
import { eventually } from "../../kit/broker.js";
import { status } from "../../kit/issuer-server.js";
import { by, WebhookWorld } from "./kit.js";

describe("webhooks and the addresses of their hosts", () => {
  let world: WebhookWorld;
  afterEach(async () => {
    await world.end();
    expect(world.clock.waiting).toBe(0);
  });
  const over = (): Promise<void> => eventually(() => world.audited.length === 1, "it is over");
  const at = (address: string): HostAddress => ({ address, family: address.includes(":") ? 6 : 4 });
  /** A host called localhost, for which the certificate is, with addresses as the test says. */
  const start = (isPrivate: boolean, lookup: () => Promise<readonly HostAddress[]>): Promise<WebhookWorld> =>
    WebhookWorld.start({
      hosts: ({ url }) => [{ host: `localhost:${new URL(url).port}`, isPrivate }],
      lookup,
    });
  const send = (): void => {
    world.answers(status(204));
    world.hooks.send(world.server.url.replace("127.0.0.1", "localhost"), {}, by);
  };

  it.each(["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1"])(
    "call no host at %s, unless it is listed as private",
    async (address) => {
      world = await start(false, () => Promise.resolve([at(address)]));
      send();
      await over();
      expect(world.audited[0]).toMatchObject({
        outcome: "refused",
        tries: 1,
        why: expect.stringContaining("=private") as string,
      });
      expect(world.posted).toEqual([]);
    },
  );

  it("call no literal private address that is not listed as such", async () => {
    world = await WebhookWorld.start({ hosts: ({ url }) => [{ host: new URL(url).host, isPrivate: false }] });
    world.answers(status(204));
    world.hooks.send(world.server.url, {}, by);
    await over();
    expect(world.audited[0]).toMatchObject({ outcome: "refused", why: expect.stringContaining("=private") as string });
    expect(world.posted).toEqual([]);
  });

  it("find out once where a host is, and call that address even if the name changes meanwhile", async () => {
    const answers = ["127.0.0.1", "203.0.113.7"].map(at);
    let asked = 0;
    world = await start(true, () => {
      const answer = answers[asked];
      asked += 1;
      return Promise.resolve(answer === undefined ? [] : [answer]);
    });
    send();
    await over();
    expect(world.audited[0]).toMatchObject({ outcome: "delivered", tries: 1 });
    expect(asked).toBe(1);
  });

  it("look again at the address of a host for each try", async () => {
    const answers = [at("127.0.0.1"), at("10.0.0.1")];
    let asked = 0;
    world = await start(true, () => {
      const answer = answers[asked];
      asked += 1;
      return answer === undefined ? Promise.reject(new Error("ENOTFOUND")) : Promise.resolve([answer]);
    });
    world.server.answer = status(500);
    world.hooks.send(world.server.url.replace("127.0.0.1", "localhost"), {}, by);
    await eventually(() => world.counted["webhook-again"] === 1, "the first try has failed");
    expect(asked).toBe(1);
    world.clock.advance(1_000);
    await eventually(() => asked === 2, "the name is looked up anew");
  });

  it("do not wait for a name server that does not answer", async () => {
    world = await start(true, () => new Promise(() => undefined));
    send();
    await eventually(() => world.clock.waiting === 1, "it is under way");
    world.clock.advance(5_000);
    await eventually(() => world.counted["webhook-again"] === 1, "it is given up");
  });

  it("try again where the name cannot be found", async () => {
    const fails = Object.assign(new Error("getaddrinfo"), { code: "ENOTFOUND" });
    world = await start(true, () => Promise.reject(fails));
    send();
    await eventually(() => world.counted["webhook-again"] === 1, "the first try has failed");
    world.clock.advance(1_000);
    await eventually(() => world.counted["webhook-again"] === 2, "the second try has failed");
    world.clock.advance(5_000);
    await over();
    expect(world.audited[0]).toMatchObject({ outcome: "failed", tries: 3, why: "its host cannot be found (DNS)" });
  });
});
