import { describe, expect, it } from "vitest";
import { readSystem } from "../../../clients/typescript/agent-network/system-frames.js";
import { networkMessage } from "../../kit/network-wire.js";

describe("what CONNECTED tells of the rate", () => {
  it.each([
    [0, 0],
    [10, 10],
    [2_147_483_647, 1_000_000],
    [-1, undefined],
    ["fast", undefined],
  ])("%j is taken as %j", (told, taken) => {
    const content = { connectionId: "c", heartbeatInterval: 30_000, serverTime: 0, messagesPerSecond: told };
    const read = readSystem(networkMessage("system", "ada", { messageType: "CONNECTED", content }));
    expect(read).toMatchObject({ type: "CONNECTED", connected: { messagesPerSecond: taken } });
  });
});
