import { afterEach, expect, it } from "vitest";
import { EchoClient } from "../../../clients/typescript/echo/client.js";
import { echo } from "../../../bridges/echo/index.js";
import type { EchoEvent } from "../../../bridges/echo/schema.js";
import { BacklogTotal, Flusher, Slices, systemClock } from "../../../src/core/index.js";
import { Access, WsEdge } from "../../../src/websocket/edge/index.js";
import { ConformanceWorld } from "../../../src/conformance/world.js";
import { eventually } from "../../kit/broker.js";

const world = new ConformanceWorld([echo]);
let ids = 0;
const edge = new WsEdge({
  access: new Access({ origins: [], hosts: [], trustedProxies: [] }),
  listen: [{ host: "127.0.0.1", port: 0 }],
  dialects: [echo],
  limits: world.limits,
  clock: systemClock,
  flusher: new Flusher(),
  endings: new Slices(systemClock),
  total: new BacklogTotal(world.limits.backlogTotalMaxBytes, world.ledger),
  ledger: world.ledger,
  newId: () => `ws-${(ids += 1)}`,
  accept: (connection, hello) => world.bridges.accept(connection, hello),
  log: () => undefined,
});

afterEach(async () => {
  await edge.stop();
});

it("two echo clients talk over real sockets, and the ledgers agree", async () => {
  await edge.start();
  const url = `${edge.endpoints[0] ?? ""}/echo`;
  const heard: EchoEvent[] = [];
  const ada = await EchoClient.connect({ url, name: "ada", onEvent: () => undefined });
  const bob = await EchoClient.connect({ url, name: "bob", onEvent: (event) => heard.push(event) });
  await expect(EchoClient.connect({ url, name: "ada", onEvent: () => undefined })).rejects.toThrow("name-in-use");
  const count = 2_000;
  let sent = 0;
  const pump = (): void => {
    for (let n = 0; n < 100 && sent < count; n += 1) ada.send({ type: "say", to: "bob", text: String((sent += 1)) });
    world.clock.advance(60_000); // the rate's bucket is full again
  };
  while (sent < count) {
    pump();
    await eventually(
      () =>
        heard.length > 0 && (world.ledger.reasons["refused-rate-limited"] ?? 0) + world.ledger.messages.routed >= sent,
      "all are handled",
    );
  }
  const texts = (): number[] =>
    heard.flatMap((event) => (event.type === "heard" && event.from === "ada" ? [Number(event.text)] : []));
  await eventually(
    () => texts().length + (world.ledger.reasons["refused-rate-limited"] ?? 0) === count,
    "each is heard or refused",
  );
  expect(texts()).toEqual([...texts()].sort((one, other) => one - other));
  expect(texts().length).toBeGreaterThan(0);
  await Promise.all([ada.close(), bob.close()]);
  await eventually(() => edge.size === 0, "both have left");
  world.expectSound();
  expect(world.directory.agents()).toEqual([]);
});
