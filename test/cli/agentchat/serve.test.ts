import { afterEach, describe, expect, it } from "vitest";
import { keyFor } from "../../kit/agentchat-keys.js";
import { ChatWire } from "../../kit/chat-wire.js";
import { serve, type Served } from "./binary.js";

describe("agentchat serve", () => {
  const ada = keyFor("ada");
  let served: Served | undefined;
  const wires: ChatWire[] = [];
  afterEach(async () => {
    for (const wire of wires.splice(0)) wire.close();
    await served?.end();
    served = undefined;
  });

  it("--replay tells who joins so many past messages unasked", async () => {
    served = await serve("--replay", "2");
    for (const text of ["one", "two", "three"]) await served.run("send", served.url, "#general", text);
    const wire = await ChatWire.enter(served.url, "newcomer");
    wires.push(wire);
    wire.say({ type: "JOIN", channel: "#general" });
    await wire.settled();
    expect(wire.frames.map(({ type, content, replay }) => [type, content, replay])).toEqual([
      ["JOINED", undefined, undefined],
      ["MSG", "two", true],
      ["MSG", "three", true],
    ]);
  });

  it("--unproved lets a key in that was proved before, over a restart of the client that cannot prove it", async () => {
    served = await serve("--unproved", `@${ada.id}`, "--unproved", keyFor("bob").id);
    const comes = async (): Promise<ChatWire> => {
      const wire = await ChatWire.open(served?.url ?? "");
      wires.push(wire);
      wire.say({ type: "IDENTIFY", name: "ada", pubkey: ada.pem });
      return wire;
    };
    const owner = await comes();
    await owner.proves(ada);
    const closed = new Promise((resolve) => owner.socket.once("close", resolve));
    owner.socket.close();
    await closed;
    for (let time = 0; time < 2; time += 1) {
      const silent = await comes();
      expect(await silent.hears(({ type }) => type === "WELCOME")).toMatchObject({ agent_id: `@${ada.id}` });
    }
  });

  it.each([
    ["--replay", "21", /0 to 20/],
    ["--replay", "", /0 to 20/],
    ["--replay", "1.5", /0 to 20/],
    ["--host", "127.0.0.1:7000", /--host 127\.0\.0\.1 --port 7000/],
    ["--host", "[::1]:7000", /--host \[::1\] --port 7000/],
    ["--unproved", "ada", /16 of 0-9 a-f/],
  ])("refuses %s %j, and says what it wants", async (flag, value, wanted) => {
    served = await serve();
    expect(await served.run("serve", "--port", "0", flag, value)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(wanted) as string,
    });
  });
});
