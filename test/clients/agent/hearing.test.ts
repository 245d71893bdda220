import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Agent, AgentOptions } from "../../../src/index.js";
import { LocalAgents, next, requestOf, transports } from "../../kit/local-agents.js";

describe.each(transports)("what an agent hears, over %s", (transport) => {
  let world: LocalAgents;
  const join = (name: string, options?: AgentOptions): Promise<Agent> => world.join(name, options);

  beforeEach(async () => {
    world = await LocalAgents.start(transport);
  });
  afterEach(() => world.stop());

  it("hears rooms it joined, in order, and no more after it left", async () => {
    const [ada, bob] = [await join("ada"), await join("bob")];
    await ada.join("#lab");
    for (const n of [1, 2, 3]) await bob.inform("#lab", `note ${n}`);
    for (const n of [1, 2, 3]) expect(await next(ada)).toMatchObject({ to: "#lab", content: { message: `note ${n}` } });
    expect(await ada.rooms()).toContainEqual({ name: "#lab", members: 1, invite_only: false });
    expect((await bob.agents()).map(({ name }) => name)).toEqual(["ada", "bob"]);
    await ada.leave("#lab");
    await bob.inform("#lab", "unheard");
    await bob.inform("ada", "marker");
    expect(await next(ada)).toMatchObject({ content: { message: "marker" } });
  });

  it("gives informs and stray responses to their handlers, the rest to whoever iterates", async () => {
    const [ada, bob] = [await join("ada"), await join("bob")];
    const told: string[] = [];
    ada.onInform((notice) => void told.push(`inform ${notice.content.message}`));
    ada.onResponse((notice) => void told.push(`response ${notice.content.message}`));
    await bob.inform("ada", "news");
    await bob.respond(requestOf("ada"), "late");
    const asked = bob.request("ada", "question");
    const request = await next(ada);
    expect(request).toMatchObject({ type: "request", content: { message: "question" } });
    if (request.type === "request") await ada.respond({ ...request, type: "request" }, "answer");
    expect((await asked).content.message).toBe("answer");
    expect(told).toEqual(["inform news", "response late"]);
  });

  it("may inform and answer nobody, and hears of nothing then", async () => {
    const ada = await join("ada");
    await ada.inform("ghost", "news");
    await ada.respond(requestOf("ghost"), "late");
    await ada.inform("ada", "to itself");
    await expect(ada.request("ghost", "?", { timeoutMs: 5_000 })).rejects.toMatchObject({ code: "not-found" });
    const bob = await join("bob");
    await bob.inform("ada", "marker");
    expect(await next(ada)).toMatchObject({ content: { message: "marker" } });
  });

  it("is told of an inform that is refused, by an inform from $broker", async () => {
    const ada = await join("ada");
    await ada.inform("$events", "mine");
    expect(await next(ada)).toMatchObject({
      from: "$broker",
      type: "inform",
      content: { kind: "fault", data: { code: "forbidden", to: "$events" } },
    });
  });

  it("logs each response, the one that it waited for, too, and no pings", async () => {
    const logged: unknown[] = [];
    const log: AgentOptions["log"] = (_level, event, fields) =>
      void logged.push([event, fields?.["from"], fields?.["re"]]);
    const [ada, bob] = [await join("ada", { log }), await join("bob")];
    bob.onRequest(() => "yes");
    await ada.request("bob", "?", { messageId: "q1" });
    await bob.inform("ada", "news");
    await next(ada);
    expect(logged.filter((line) => Array.isArray(line) && line[0] !== "broker connected")).toEqual([
      ["response received", "bob", "q1"],
      ["inform received", "bob", undefined],
    ]);
  });

  it("hears what it subscribes to: everything, and all that begins alike", async () => {
    const [ada, bob, eve] = [await join("ada"), await join("bob"), await join("eve")];
    ada.subscribe("prices/");
    eve.subscribe("");
    await Promise.all([ada.agents(), eve.agents()]); // the broker has taken the subscriptions
    await bob.inform("prices/eth", "100");
    await bob.inform("ada", "marker");
    expect(await next(ada)).toMatchObject({ to: "prices/eth", content: { message: "100" } });
    expect((await next(ada)).content.message).toBe("marker");
    const heard = [];
    for await (const { from, content } of eve) {
      if (from === "bob" && heard.push(content.message) === 2) break;
    }
    expect(heard).toEqual(["100", "marker"]);
  });

  it("hears itself in rooms if it is asked to", async () => {
    const ada = await join("ada", { hearOwn: true });
    await ada.join("#lab");
    await ada.inform("#lab", "mine");
    expect(await next(ada)).toMatchObject({ from: "ada", to: "#lab", content: { message: "mine" } });
  });

  it("writes and hears no half of a character", async () => {
    const [ada, bob] = [await join("ada"), await join("bob")];
    await bob.inform("ada", { message: "\ud83d", data: { "\ude00": ["\ud83d\ude00"] } });
    expect((await next(ada)).content).toEqual({ message: "\ufffd", data: { "\ufffd": ["\u{1F600}"] } });
  });
});
