import { beforeEach, describe, expect, it } from "vitest";
import { Channels, bufferBytesMax, channelsMax } from "../../../../bridges/visualisation/channels/channels.js";
import { faultOf } from "../../../kit/fault-of.js";
import { HeldOwner } from "../../../kit/held-owner.js";

let owner: HeldOwner;
let channels: Channels;
beforeEach(() => {
  owner = new HeldOwner();
  channels = new Channels(owner);
});

function sent(): unknown[] {
  return owner.sent.map(({ channel, sequence, message }) => [channel, sequence, message]);
}

describe("a channel", () => {
  it("is granted as it was asked for, with what was not said filled in", () => {
    expect(channels.create({ channelId: "talk", streams: ["message.sent"] })).toEqual({
      channelId: "talk",
      priority: "normal",
      dedicated: false,
      bufferSize: 1_000,
      streams: ["message.sent"],
    });
    expect(
      channels.create({ channelId: "system.metrics", priority: "high", dedicated: true, bufferSize: 5 }).streams,
    ).toEqual(["system.metrics"]);
    expect(channels.carrierOf("system.metrics")).toBe("system.metrics");
    expect(channels.carrierOf("message.sent")).toBe("talk");
    expect(channels.carrierOf("agent.positions")).toBeUndefined();
  });

  it.each([
    [{ channelId: "" }, "channelId"],
    [{ channelId: "x".repeat(129) }, "channelId"],
    [{ channelId: "a", bufferSize: 0 }, "bufferSize"],
    [{ channelId: "a", bufferSize: 10_001 }, "bufferSize"],
    [{ channelId: "a", bufferSize: 1e9 }, "bufferSize"],
    [{ channelId: "a", bufferSize: 1.5 }, "bufferSize"],
    [{ channelId: "a", bufferSize: NaN }, "bufferSize"],
    [{ channelId: "a", streams: ["agent.secrets"] }, "no stream agent.secrets; there are agent.registered, "],
    [{ channelId: "open" }, "open"],
    [{ channelId: "other", streams: ["message.sent"] }, "message.sent"],
    [{ channelId: "message.sent" }, "message.sent"],
  ])("refuses %j, says why, and makes nothing", (request, word) => {
    channels.create({ channelId: "open", streams: ["message.sent"] });
    const fault = faultOf(() => channels.create(request));
    expect([fault.code, fault.message]).toEqual(["malformed", expect.stringContaining(word)]);
    expect(channels.size).toBe(1);
  });

  it("refuses more than 64", () => {
    for (let each = 0; each < channelsMax; each += 1) channels.create({ channelId: String(each) });
    expect(faultOf(() => channels.create({ channelId: "more" })).code).toBe("malformed");
    channels.close("7");
    channels.create({ channelId: "more" });
  });

  it("numbers what it says from 1, and what is in it stays JSON", () => {
    channels.create({ channelId: '"__proto__' });
    channels.say('"__proto__', '{"a":1}');
    channels.say('"__proto__', '{"a":2}');
    expect(sent()).toEqual([
      ['"__proto__', 1, { a: 1 }],
      ['"__proto__', 2, { a: 2 }],
    ]);
    expect(channels.say("other", "{}")).toBe(false);
  });

  it("takes numbers of a client that go up, and no others", () => {
    channels.create({ channelId: "a" });
    channels.create({ channelId: "b" });
    channels.hear("a", 1);
    channels.hear("a", 5);
    channels.hear("b", 1);
    for (const sequence of [5, 1, 0, -1, NaN])
      expect(
        faultOf(() => {
          channels.hear("a", sequence);
        }).code,
      ).toBe("malformed");
    channels.hear("a", 6);
    expect(
      faultOf(() => {
        channels.hear("nowhere", 1);
      }).message,
    ).toContain("nowhere");
  });
});

describe("while the socket is behind", () => {
  it("messages wait, and go out by priority, then in the order in which they came", () => {
    for (const priority of ["low", "normal", "high", "critical"] as const)
      channels.create({ channelId: priority, priority });
    channels.create({ channelId: "normal too" });
    owner.isHeld = true;
    for (const channel of ["low", "normal", "normal too", "critical", "normal", "high"]) channels.say(channel, "1");
    expect(owner.sent).toEqual([]);
    owner.isHeld = false;
    channels.flush();
    expect(sent().map((one) => (one as unknown[]).slice(0, 2))).toEqual([
      ["critical", 1],
      ["high", 1],
      ["normal", 1],
      ["normal too", 1],
      ["normal", 2],
      ["low", 1],
    ]);
  });

  it("what is critical passes all that waits, and numbers still go up", () => {
    channels.create({ channelId: "a" });
    owner.isHeld = true;
    channels.say("a", "1");
    channels.say("a", '"error"', true);
    owner.isHeld = false;
    channels.flush();
    expect(sent()).toEqual([
      ["a", 1, "error"],
      ["a", 2, 1],
    ]);
  });

  it("a full buffer drops its oldest, a gap in the numbers shows it, and it is told once a second", () => {
    channels.create({ channelId: "a", dedicated: true, bufferSize: 2 });
    channels.create({ channelId: "b", dedicated: true, bufferSize: 2 });
    owner.isHeld = true;
    channels.say("b", "1");
    for (let each = 1; each <= 5; each += 1) channels.say("a", String(each));
    expect(channels.takeDropped()).toEqual([{ channelId: "a", dropped: 3, since: 0 }]);
    channels.say("a", "6");
    expect(channels.takeDropped()).toEqual([]);
    owner.time = 999;
    expect(channels.takeDropped()).toEqual([]);
    owner.time = 1_000;
    expect(channels.takeDropped()).toEqual([{ channelId: "a", dropped: 1, since: 0 }]);
    expect(channels.takeDropped()).toEqual([]);
    owner.isHeld = false;
    channels.flush();
    expect(sent()).toEqual([
      ["b", 1, 1],
      ["a", 5, 5],
      ["a", 6, 6],
    ]);
  });

  it("those that are not dedicated share one buffer, as large as the largest of them", () => {
    channels.create({ channelId: "a", bufferSize: 1 });
    channels.create({ channelId: "b", bufferSize: 3, priority: "high" });
    channels.create({ channelId: "own", bufferSize: 1, dedicated: true });
    owner.isHeld = true;
    channels.say("own", "0");
    for (const channel of ["a", "b", "a", "b"]) channels.say(channel, "1");
    expect(channels.takeDropped()).toEqual([{ channelId: "a", dropped: 1, since: 0 }]);
    owner.isHeld = false;
    channels.flush();
    expect(owner.sent.map(({ channel, sequence }) => [channel, sequence])).toEqual([
      ["b", 1],
      ["b", 2],
      ["own", 1],
      ["a", 2],
    ]);
  });

  it("all buffers together keep 256 KiB, and what is larger is dropped itself", () => {
    channels.create({ channelId: "a", dedicated: true, bufferSize: 10_000 });
    channels.create({ channelId: "b", dedicated: true, bufferSize: 10_000 });
    owner.isHeld = true;
    const text = JSON.stringify("é".repeat(10_000));
    for (let each = 0; each < 30; each += 1) channels.say("a", text);
    expect(channels.buffered).toBeLessThanOrEqual(bufferBytesMax);
    expect(channels.buffered).toBeGreaterThan(bufferBytesMax - 30_000);
    channels.say("b", text);
    channels.say("b", JSON.stringify("x".repeat(bufferBytesMax)));
    expect(channels.takeDropped()).toEqual([
      { channelId: "a", dropped: 17, since: 0 },
      { channelId: "b", dropped: 2, since: 0 },
    ]);
    channels.close("a");
    expect(channels.buffered).toBe(0);
    for (let each = 0; each < 5_000; each += 1) channels.say("b", "1");
    expect(channels.buffered).toBeLessThanOrEqual(bufferBytesMax);
  });

  it("what waits in a channel that is closed is dropped, and told; its streams come outside again", () => {
    channels.create({ channelId: "message.sent" });
    owner.isHeld = true;
    channels.say("message.sent", "1");
    expect(channels.close("message.sent")).toEqual({ channelId: "message.sent", dropped: 1, since: 0 });
    expect(channels.carrierOf("message.sent")).toBeUndefined();
    expect(channels.say("message.sent", "1")).toBe(false);
    expect(faultOf(() => channels.close("message.sent")).code).toBe("malformed");
    channels.create({ channelId: "message.sent" });
    expect(channels.close("message.sent")).toBeUndefined();
  });
});
