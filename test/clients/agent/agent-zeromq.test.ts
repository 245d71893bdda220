import { createServer, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Agent, Fault } from "../../../src/index.js";
import { eventually, startBroker, type TestBroker } from "../../kit/broker.js";
import { next } from "../../kit/local-agents.js";
import { PlainAgent } from "../../kit/plain-agent.js";

/** Resolves when so many have come to a door that is no broker's any more: they have noticed that it is gone. */
async function knocks(door: string, count: number): Promise<void> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket.on("error", () => undefined));
  });
  server.listen(Number(new URL(door).port), "127.0.0.1");
  await eventually(() => sockets.length >= count, "they come");
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
}

describe("the SDK over ZeroMQ", () => {
  let at: TestBroker;
  beforeEach(async () => {
    at = await startBroker();
  });
  afterEach(() => at.stop());

  it("has the broker's word on trust, and the topic for the addressee, whatever a payload says of itself", async () => {
    const bob = await Agent.connect({ name: "bob", in: at.zmqIn, out: at.zmqOut });
    const inside = at.broker.agent("inside");
    const mallory = await new PlainAgent("mallory", at).meet();
    try {
      for (const to of ["bob", "inside"])
        await mallory.send(to, "inform", "believe me", { trust: "proved", to: "#elsewhere" });
      const heard = await next(bob);
      expect(heard).toMatchObject({ from: "mallory", to: "bob", trust: "claimed" });
      expect(await next(inside)).toMatchObject({ from: "mallory", to: "inside", trust: "claimed" });
      expect(await bob.request("$broker", { message: "ping", kind: "ping" })).toMatchObject({ trust: "proved" });
      await mallory.send("all", "inform", "everybody");
      expect(await next(bob)).toMatchObject({ to: "all" });
    } finally {
      mallory.close();
      await bob.close();
    }
  });

  it("talks with a plain agent", async () => {
    const plain = await new PlainAgent("plain", at).meet();
    const ada = await Agent.connect({ name: "ada", in: at.zmqIn, out: at.zmqOut });
    void plain
      .hears(({ message }) => message.type === "request")
      .then(({ message }) => plain.send("ada", "response", "yes", { in_reply_to: message.message_id }));
    expect((await ada.request("plain", "are you there?")).content.message).toBe("yes");
    await ada.close();
    plain.close();
  });

  it("does not hear itself unless asked", async () => {
    const ada = await Agent.connect({ name: "ada", in: at.zmqIn, out: at.zmqOut });
    const echo = await Agent.connect({ name: "echo", in: at.zmqIn, out: at.zmqOut, hearOwn: true });
    for (const agent of [ada, echo]) await agent.join("#lab");
    await ada.inform("#lab", "from ada");
    expect((await next(echo)).content.message).toBe("from ada");
    await echo.inform("#lab", "from echo");
    expect((await next(echo)).content.message).toBe("from echo");
    expect((await next(ada)).content.message).toBe("from echo");
    await Promise.all([ada.close(), echo.close()]);
  });

  it("loses nothing of a burst that fills its queue many times over", async () => {
    const count = 20_000;
    const ada = await Agent.connect({ name: "ada", in: at.zmqIn, out: at.zmqOut });
    const bob = await Agent.connect({ name: "bob", in: at.zmqIn, out: at.zmqOut, inboxMax: count });
    await Promise.all(Array.from({ length: count }, (_, n) => ada.inform("bob", String(n))));
    let n = 0;
    for await (const { content } of bob) {
      expect(content.message).toBe(String(n));
      n += 1;
      if (n === count) break;
    }
    await Promise.all([ada.close(), bob.close()]);
  });

  it("says where it looked and what to do when there is no broker", async () => {
    await at.stop();
    const { zmqIn, zmqOut } = at;
    const words = `at ${zmqIn} and ${zmqOut} (as you said); start one (broker start), or say where it is: dataDir`;
    await expect(
      Agent.connect({ name: "ada", in: zmqIn, out: zmqOut, readyTimeoutMs: 300, publishTimeoutMs: 200 }),
    ).rejects.toMatchObject({ code: "unavailable", message: expect.stringContaining(words) as string });
  });

  it("connects and subscribes again by itself after a restart, and what it says meanwhile waits", async () => {
    const ada = await Agent.connect({ name: "ada", in: at.zmqIn, out: at.zmqOut, requestTimeoutMs: 1_000 });
    const bob = await Agent.connect({ name: "bob", in: at.zmqIn, out: at.zmqOut });
    await bob.join("#lab");
    await at.broker.stop();
    await knocks(at.zmqIn, 2); // what a socket writes before it has noticed is lost with its line
    const lost = ada.inform("bob", "said while the broker was away");
    const again = await startBroker({
      zmqIn: [at.zmqIn],
      zmqOut: [at.zmqOut],
      limits: { startHoldMs: 3_000, publisherDoorDelayMs: 250 },
    });
    try {
      await lost;
      expect((await next(bob)).content.message).toBe("said while the broker was away");
      await eventually(
        // What ada asks before her own SUB is back is answered to nobody.
        async () => (await ada.rooms().catch(noAnswer)).some(({ name, members }) => name === "#lab" && members === 1),
        "bob is in its room again",
      );
    } finally {
      await Promise.all([ada.close(), bob.close()]);
      await again.stop();
    }
  });
});

/** A question that was not answered in time is asked again; every other refusal fails the test. */
function noAnswer(thrown: unknown): readonly [] {
  if (thrown instanceof Fault && thrown.code === "timeout") return [];
  throw thrown;
}
