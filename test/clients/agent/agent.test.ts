import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Agent, Fault, type AgentOptions, type Envelope, type Request } from "../../../src/index.js";
import { eventually, startBroker, type TestBroker } from "../../kit/broker.js";
import { PlainAgent } from "../../kit/plain-agent.js";

const transports = ["tcp", "ipc", "no sockets"] as const;

/** The first of what an agent's inbox yields. */
async function next(agent: Agent): Promise<Envelope> {
  for await (const envelope of agent) return envelope;
  throw new Error("the agent was closed");
}

/** A request that `from` might have said. */
function requestOf(from: string): Request {
  const [message_id, timestamp, to] = ["nobody-asked", "", "bob"];
  return { message_id, timestamp, from, to, type: "request", priority: "NORMAL", content: { message: "" } };
}

describe.each(transports)("the SDK in the broker's own process, over %s", (transport) => {
  let at: TestBroker;
  const agents: Agent[] = [];

  async function join(name: string, options: AgentOptions = {}): Promise<Agent> {
    const pick = (urls: readonly string[]): string => urls.find((url) => url.startsWith(transport)) ?? "";
    const { zmqIn, zmqOut } = at.broker.endpoints;
    const agent =
      transport === "no sockets"
        ? at.broker.agent(name, options)
        : await Agent.connect({ name, in: pick(zmqIn), out: pick(zmqOut), ...options });
    agents.push(agent);
    return agent;
  }

  beforeEach(async () => {
    const { mkdtemp } = await import("node:fs/promises");
    const dataDir = await mkdtemp("/tmp/synaptic-agent-");
    at = await startBroker({
      dataDir,
      zmqIn: ["tcp://127.0.0.1:0", `ipc://${dataDir}/in.sock`],
      zmqOut: ["tcp://127.0.0.1:0", `ipc://${dataDir}/out.sock`],
    });
  });
  afterEach(async () => {
    await Promise.all(agents.splice(0).map((agent) => agent.close()));
    await at.stop();
    const { rm } = await import("node:fs/promises");
    await rm(at.dataDir, { recursive: true, force: true });
  });

  it("answers a request with what its handler returns", async () => {
    const [ada, bob] = [await join("ada"), await join("bob")];
    bob.onRequest(async (request) => {
      await Promise.resolve();
      return { message: `you said ${request.content.message}`, data: { from: request.from } };
    });
    const answer = await ada.request("bob", "hello", { timeoutMs: 5_000 });
    expect(answer).toMatchObject({
      from: "bob",
      to: "ada",
      type: "response",
      content: { message: "you said hello", data: { from: "ada" } },
    });
  });

  it("keeps apart the answers of many requests at once", async () => {
    const [ada, bob] = [await join("ada"), await join("bob")];
    bob.onRequest(({ content }) => content.message);
    const words = Array.from({ length: 200 }, (_, n) => `word ${n}`);
    const answers = await Promise.all(words.map((word) => ada.request("bob", word)));
    expect(answers.map(({ content }) => content.message)).toEqual(words);
  });

  it("says at once that nobody is there", async () => {
    const ada = await join("ada");
    await expect(ada.request("ghost", "?", { timeoutMs: 5_000 })).rejects.toMatchObject({ code: "not-found" });
  });

  it("gives up when nobody answers in time, or when it is told to", async () => {
    const [ada] = [await join("ada"), await join("silent")];
    await expect(ada.request("silent", "?", { timeoutMs: 50 })).rejects.toMatchObject({ code: "timeout" });
    const patience = new AbortController();
    const asked = ada.request("silent", "?", { signal: patience.signal });
    patience.abort();
    await expect(asked).rejects.toBeInstanceOf(Fault);
  });

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

  it("tells the asker when a handler fails, without its inner words", async () => {
    const [ada, bob] = [await join("ada"), await join("bob")];
    bob.onRequest(() => {
      throw new Error("secret path");
    });
    const failed = await ada.request("bob", "hello").catch((thrown: unknown) => thrown);
    expect(failed).toBeInstanceOf(Fault);
    expect(failed).toMatchObject({ code: "internal", message: "the agent failed to answer" });
    expect(JSON.stringify((failed as Fault).detail)).not.toContain("secret path");
  });

  it("finishes its answers before it closes, and hears nothing after", async () => {
    const [ada, bob] = [await join("ada"), await join("bob")];
    let go: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (go = resolve));
    const begun = new Promise<void>((resolve) => {
      bob.onRequest(async () => {
        resolve();
        await gate;
        return "done";
      });
    });
    const asked = ada.request("bob", "take your time");
    await begun;
    const closed = bob.close();
    go();
    expect((await asked).content.message).toBe("done");
    await closed;
    await expect(bob.inform("ada", "too late")).rejects.toMatchObject({ code: "going-away" });
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

  it("asks for reports in vain while nobody reads them", async () => {
    const ada = await join("ada");
    await expect(ada.request("$telemetry", "?", { timeoutMs: 5_000 })).rejects.toMatchObject({
      code: "not-found",
      message: expect.stringContaining("nobody reads") as string,
    });
  });

  it("is one of its name: a second is refused, unless both share it", async () => {
    const ada = await join("ada", { exclusive: false });
    await expect((async () => join("ada"))()).rejects.toMatchObject({
      code: "conflict",
      message: expect.stringContaining("exclusive: false") as string,
    });
    const twin = await join("ada", { exclusive: false });
    const bob = await join("bob");
    await bob.inform("ada", "to both");
    for (const one of [ada, twin]) expect((await next(one)).content.message).toBe("to both");
  });

  it("is one of several that start at one moment", async () => {
    const started = await Promise.allSettled(Array.from({ length: 4 }, async () => join("ada")));
    const refused = started.flatMap((one) => (one.status === "rejected" ? [one.reason as unknown] : []));
    expect(refused).toEqual(Array.from({ length: 3 }, () => expect.objectContaining({ code: "conflict" }) as unknown));
    const bob = await join("bob");
    await bob.inform("ada", "to the one");
    const [ada] = agents.filter(({ name }) => name === "ada");
    expect(ada && (await next(ada)).content.message).toBe("to the one");
  });

  it("can take the name again once it has left, as often as it likes", async () => {
    for (let n = 0; n < 3; n += 1) {
      const ada = await join("ada");
      await ada.close();
    }
    const bob = await join("bob");
    await expect(bob.request("ada", "?", { timeoutMs: 5_000 })).rejects.toMatchObject({ code: "not-found" });
  });

  it("answers nothing but requests, whatever JavaScript lets it try", async () => {
    const [ada, bob] = [await join("ada"), await join("bob")];
    await bob.respond(requestOf("ada"), "stray");
    const stray = await next(ada);
    await expect(ada.respond(stray as Request, "never")).rejects.toMatchObject({ code: "malformed" });
    bob.onRequest(() => "yes");
    await expect(ada.respond((await ada.request("bob", "?")) as Request, "never")).rejects.toMatchObject({
      code: "malformed",
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

  it("leaves out a request that has waited too long for somebody to take it, and counts it", async () => {
    const [ada, bob] = [await join("ada"), await join("bob")];
    const asked = bob.request("ada", "quick?", { timeoutMs: 50 });
    await expect(asked).rejects.toMatchObject({ code: "timeout" });
    await bob.inform("ada", "marker");
    expect((await next(ada)).content.message).toBe("marker");
    expect(ada.dropped).toBe(1);
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

  it("asks the desk by itself, and is a member through its answer", async () => {
    const ada = await join("ada");
    await ada.join("#lab");
    const answer = await ada.request("$broker", { message: "x", kind: "room.members", data: { room: "#lab" } });
    expect(answer.content.data).toEqual({ room: "#lab", members: ["ada"] });
    await expect(ada.join("lab")).rejects.toMatchObject({ code: "malformed" });
    await expect(ada.leave("#nowhere")).rejects.toMatchObject({ code: "not-found" });
    const pong = await ada.request("$broker", { message: "x", kind: "ping" });
    expect(pong.content.data).toEqual({ connections: 1 });
  });

  it("writes and hears no half of a character", async () => {
    const [ada, bob] = [await join("ada"), await join("bob")];
    await bob.inform("ada", { message: "\ud83d", data: { "\ude00": ["\ud83d\ude00"] } });
    expect((await next(ada)).content).toEqual({ message: "\ufffd", data: { "\ufffd": ["\u{1F600}"] } });
  });

  it("refuses a name that cannot be one", async () => {
    await expect((async () => join("#room"))()).rejects.toMatchObject({ code: "malformed" });
  });
});

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

  it("says what to do when there is no broker", async () => {
    await at.stop();
    await expect(
      Agent.connect({ name: "ada", in: at.zmqIn, out: at.zmqOut, readyTimeoutMs: 300, publishTimeoutMs: 200 }),
    ).rejects.toMatchObject({ code: "unavailable", message: expect.stringContaining("broker start") as string });
  });

  it("connects and subscribes again by itself after a restart, and what it says meanwhile waits", async () => {
    const ada = await Agent.connect({ name: "ada", in: at.zmqIn, out: at.zmqOut });
    const bob = await Agent.connect({ name: "bob", in: at.zmqIn, out: at.zmqOut });
    await bob.join("#lab");
    await at.broker.stop();
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
        async () => (await ada.rooms()).some(({ name, members }) => name === "#lab" && members === 1),
        "bob is in its room again",
      );
    } finally {
      await Promise.all([ada.close(), bob.close()]);
      await again.stop();
    }
  });
});
