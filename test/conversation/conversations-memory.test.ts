import { describe, expect, it } from "vitest";
import { talk, type Talk } from "../kit/talk.js";

describe("direct text", () => {
  it("is a request, then the answer to it, then a request again", () => {
    const { says } = talk();
    expect(says("ada", "bob")).toBe("request");
    expect(says("bob", "ada")).toBe("response m1");
    expect(says("ada", "bob")).toBe("request");
    expect(says("bob", "ada")).toBe("response m3");
  });

  it("after an answer is an inform, since answers come in parts, until the other speaks", () => {
    const { says, clock } = talk();
    says("ada", "bob");
    says("bob", "ada");
    expect([says("bob", "ada"), says("bob", "ada")]).toEqual(["inform m1", "inform m1"]);
    clock.advance(59_999);
    expect(says("bob", "ada")).toBe("inform m1");
    says("ada", "bob");
    expect(says("bob", "ada")).toBe("response m6");
  });

  it("is a request again 60 s after the answer", () => {
    const { says, clock } = talk();
    says("ada", "bob");
    says("bob", "ada");
    clock.advance(60_000);
    expect(says("bob", "ada")).toBe("request");
  });

  it("ends the other's tail with any word, an inform too", () => {
    const { says, routed } = talk();
    says("ada", "bob");
    says("bob", "ada");
    routed("ada", "bob", "inform");
    expect(says("bob", "ada")).toBe("request");
  });

  it("has one slot each way: the last request is answered, without any time limit", () => {
    const { says, clock } = talk();
    says("ada", "bob");
    expect(says("ada", "bob")).toBe("request");
    clock.advance(86_400_000);
    expect(says("bob", "ada")).toBe("response m2");
    expect(says("bob", "ada")).toBe("inform m2");
  });

  it("answers both ways when both asked", () => {
    const { says } = talk();
    says("ada", "bob");
    says("bob", "ada", { intent: "request" });
    expect(says("bob", "ada")).toBe("response m1");
    expect(says("ada", "bob")).toBe("response m2");
  });

  it("answers requests that somebody waits for first, oldest first", () => {
    const { says, routed, requests } = talk();
    const ask = (): void => {
      requests.open({ from: "py", to: "bot", messageId: routed("py", "bot", "request") });
    };
    ask();
    ask();
    expect([says("bot", "py"), says("bot", "py"), says("bot", "py")]).toEqual([
      "response m1",
      "response m2",
      "inform m2",
    ]);
    requests.close();
  });

  it("to a third agent has nothing to do with it", () => {
    const { says } = talk();
    says("ada", "bob");
    expect(says("bob", "eve")).toBe("request");
    expect(says("eve", "ada")).toBe("request");
    expect(says("bob", "ada")).toBe("response m1");
  });

  it("is closed for by a response of another dialect", () => {
    const { says, routed } = talk();
    says("bot", "py");
    routed("py", "bot", "response", "m1");
    expect(says("py", "bot")).toBe("inform m1");
    expect(says("bot", "py")).toBe("request");
  });

  it("still has the later question open when the earlier one was answered by name", () => {
    const { says, routed } = talk();
    says("bot", "py");
    says("bot", "py");
    routed("py", "bot", "response", "m1");
    expect(says("py", "bot")).toBe("response m2");
  });

  it("to oneself wants no answer", () => {
    const { says } = talk();
    expect([says("ada", "ada"), says("ada", "ada"), says("ada", "ada", { intent: "request" })]).toEqual([
      "inform",
      "inform",
      "request",
    ]);
  });
});

describe("what the speaker says about his text", () => {
  it("overrides what would follow", () => {
    const { says } = talk();
    expect(says("ada", "bob", { intent: "inform" })).toBe("inform");
    expect(says("ada", "bob")).toBe("request");
    expect(says("bob", "ada", { intent: "request" })).toBe("request");
    expect(says("bob", "ada", { intent: "response" })).toBe("response m2");
    expect(says("bob", "ada", { intent: "response" })).toBe("response");
  });

  it("names the request that it answers", () => {
    const { says } = talk();
    says("ada", "bob");
    says("ada", "bob");
    expect(says("bob", "ada", { replyTo: "m1" })).toBe("response m1");
    expect(says("bob", "ada")).toBe("response m2");
    expect(says("bob", "ada", { replyTo: "from before the restart" })).toBe("response from before the restart");
  });

  it("is an inform when it names a response or an inform, so that no response triggers a response", () => {
    const { says, routed } = talk();
    says("ada", "bob");
    says("bob", "ada");
    routed("bob", "ada", "inform");
    for (const replyTo of ["m2", "m3"]) {
      expect(says("ada", "bob", { replyTo })).toBe(`inform ${replyTo}`);
      expect(says("ada", "bob", { replyTo, intent: "response" })).toBe(`inform ${replyTo}`);
    }
    expect(says("ada", "bob", { replyTo: "m2", intent: "request" })).toBe("request m2");
  });
});

describe("a response that does not say what it answers", () => {
  /** Lets it be routed as the exchange does. @returns what it answers */
  const answers = ({ conversations, routed }: Talk, from: string, to: string): string | undefined => {
    const answered = conversations.answered(from, to);
    routed(from, to, "response", answered);
    return answered;
  };

  it("answers the oldest open request of its addressee to its sender, one after the other", () => {
    const world = talk();
    for (const to of ["py", "other", "py", "py"]) world.says("bot", to);
    expect([1, 2, 3, 4].map(() => answers(world, "py", "bot"))).toEqual(["m1", "m3", "m4", undefined]);
    expect(answers(world, "other", "bot")).toBe("m2");
    expect(answers(world, "bot", "py")).toBeUndefined();
    expect(world.conversations.answered("eve", "ada")).toBeUndefined();
    expect(world.conversations.size).toBe(2);
  });

  it("answers what somebody waits for before what was asked by the way", () => {
    const world = talk();
    world.says("bot", "py");
    world.requests.open({ from: "bot", to: "py", messageId: "tracked" });
    expect([answers(world, "py", "bot"), answers(world, "py", "bot")]).toEqual(["tracked", "m1"]);
    world.requests.close();
  });

  it("answers a request that has timed out only if no other is open", () => {
    const world = talk();
    world.requests.open({ from: "bot", to: "py", messageId: world.routed("bot", "py", "request"), timeoutMs: 10 });
    world.clock.advance(10);
    expect(answers(world, "py", "bot")).toBe("m1");
  });

  it("takes requests of one id one by one", () => {
    const world = talk();
    const { conversations } = world;
    const ask = (): void => {
      conversations.heard({
        message_id: "same",
        timestamp: "",
        from: "bot",
        to: "py",
        type: "request",
        priority: "NORMAL",
        content: { message: "" },
      });
    };
    ask();
    ask();
    expect([1, 2, 3].map(() => answers(world, "py", "bot"))).toEqual(["same", "same", undefined]);
  });

  it("does not wait for ever for the answer to one that others followed", () => {
    const world = talk();
    world.says("bot", "py");
    world.clock.advance(300_001);
    world.says("bot", "py");
    expect([answers(world, "py", "bot"), answers(world, "py", "bot")]).toEqual(["m2", undefined]);
  });

  it("is found among the last eight, and a named answer closes those before it", () => {
    const world = talk();
    for (let n = 1; n <= 10; n += 1) world.says("bot", "py");
    expect(answers(world, "py", "bot")).toBe("m3");
    world.routed("py", "bot", "response", "m8");
    expect([1, 2, 3].map(() => answers(world, "py", "bot"))).toEqual(["m9", "m10", undefined]);
  });

  it("is not found once text has answered all there was", () => {
    const world = talk();
    for (let n = 1; n <= 3; n += 1) world.says("bot", "py");
    expect(world.says("py", "bot")).toBe("response m3");
    expect(answers(world, "py", "bot")).toBeUndefined();
  });

  it("of a text with intent answers the oldest, too", () => {
    const { says } = talk();
    for (let n = 1; n <= 2; n += 1) says("ada", "bob");
    expect([1, 2, 3].map(() => says("bob", "ada", { intent: "response" }))).toEqual([
      "response m1",
      "response m2",
      "response",
    ]);
  });
});

describe("the memory of conversations", () => {
  it("forgets the pair that was silent longest when there are too many", () => {
    const { says, conversations } = talk({ conversationsMax: 2 });
    says("ada", "bob");
    says("ada", "carl");
    says("ada", "bob");
    says("ada", "dora");
    expect(conversations.size).toBe(2);
    expect(says("bob", "ada")).toBe("response m3");
    expect(says("carl", "ada")).toBe("request");
  });

  it("forgets pairs of whoever invents names, and not those of others", () => {
    const { says, conversations } = talk({ conversationsMax: 1_000 });
    says("ada", "bob");
    const inventor = { id: "zmq-in-1", remote: "127.0.0.1", principal: undefined };
    for (let n = 0; n < 3_000; n += 1)
      conversations.heard(
        {
          message_id: `x${String(n)}`,
          timestamp: "",
          from: `nobody${String(n)}`,
          to: "bob",
          type: "inform",
          priority: "NORMAL",
          content: { message: "" },
        },
        { origin: inventor },
      );
    expect(conversations.size).toBe(1_000);
    expect(says("bob", "ada")).toBe("response m1");
  });

  it("takes so many bytes in all, however long the ids are that strangers choose", () => {
    const { conversations } = talk({ conversationsMaxBytes: 100_000 });
    for (let n = 0; n < 200; n += 1)
      for (let said = 0; said < 20; said += 1)
        conversations.heard({
          message_id: String(said).padStart(128, "x"),
          timestamp: "",
          from: `nobody${String(n)}`,
          to: "bob",
          type: "inform",
          priority: "NORMAL",
          content: { message: "" },
        });
    expect(conversations.size).toBeLessThan(20);
    expect(conversations.size).toBeGreaterThan(10);
  });

  it("takes note of nothing but messages between two agents", () => {
    const { routed, conversations } = talk();
    for (const [from, to] of [
      ["ada", "#general"],
      ["ada", "all"],
      ["ada", "$broker"],
      ["$broker", "ada"],
      ["ada", "ada"],
      ["a".repeat(200), "ada"],
      ["ada", "prices/"],
    ] as const)
      routed(from, to, "request");
    expect(conversations.size).toBe(0);
  });

  it("does not hold ids that are longer than any need be", () => {
    const { conversations } = talk();
    const id = "x".repeat(1_000);
    conversations.heard({
      message_id: id,
      timestamp: "",
      from: "py",
      to: "bot",
      type: "request",
      priority: "NORMAL",
      content: { message: "" },
    });
    expect(conversations.turn("bot", "py", {})).toEqual({ type: "request" });
  });
});
