import { expect, it } from "vitest";
import { WebSocket } from "ws";
import { once } from "node:events";
import { startBroker } from "../kit/broker.js";
import { PanWire, panToken } from "../kit/pan-wire.js";
import { PlainAgent } from "../kit/plain-agent.js";

it("a PAN listener of its own answers at /, whatever is said first", async () => {
  const at = await startBroker({ ownDoors: { pan: "127.0.0.1:0" } });
  const url = at.broker.endpoints.own?.["pan"] ?? "";
  const claude = await new PlainAgent("claude", at, { topics: ["claude"] }).meet();
  const bot = await PanWire.login(`${url}/`, "bot", panToken(at.dataDir));
  try {
    bot.say({ type: "chat", to: "claude", text: "hello" });
    expect((await claude.hears()).message).toMatchObject({ from: "bot", content: { message: "hello" } });
    const stranger = await PanWire.open(`${url}/`);
    stranger.raw("not even JSON");
    expect(await stranger.hears("error")).toMatchObject({ code: "AUTH_FAILED" });
    expect((await stranger.closed).code).toBe(1008);
    const [, response] = (await once(new WebSocket(`${url}/echo`), "unexpected-response")) as [
      unknown,
      { statusCode: number },
    ];
    expect(response.statusCode).toBe(404);
  } finally {
    bot.close();
    claude.close();
    await at.stop();
  }
});

it("refuses a door of a dialect that there is not, naming those there are", async () => {
  await expect(startBroker({ ownDoors: { klingon: "127.0.0.1:0" } })).rejects.toThrow(
    /no dialect klingon; there are pan/,
  );
});
