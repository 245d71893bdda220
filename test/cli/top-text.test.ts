import { describe, expect, it } from "vitest";
import { TopPicture } from "../../src/cli/top/picture.js";
import { topLines, type TopFacts } from "../../src/cli/top/top-text.js";

const agent = { name: "Ada", namespace: "pan", trust: "proved", state: "IDLE" };
const plain = (_style: string, text: string): string => text;
const facts = (more: Partial<TopFacts> = {}): TopFacts => ({
  time: "12:00:00",
  system: { totalAgents: 2, activeAgents: 1, rate: 12.4, queueDepth: 0, errorRate: 0.01, alerts: [] },
  agents: [],
  rooms: [],
  losses: [],
  ...more,
});

describe("what broker top knows", () => {
  it("is how much an agent says and hears a second, who says most first", () => {
    const picture = new TopPicture();
    for (const agentId of ["ada", "bob"]) picture.announced({ ...agent, agentId });
    const told = (agentId: string, sent: number, at: number): void => {
      picture.counted({ agentId, metrics: { messagesSent: sent, messagesReceived: 0, messageQueueSize: 3 } }, at);
    };
    told("ada", 10, 0);
    told("bob", 0, 0);
    told("ada", 14, 2_000);
    told("bob", 60, 2_000);
    expect(picture.lines(2_000).map(({ name, says, queue }) => [name, says, queue])).toEqual([
      ["bob", 30, 3],
      ["ada", 2, 3],
    ]);
  });

  it("is nothing a second of who was silent since", () => {
    const picture = new TopPicture();
    picture.announced({ ...agent, agentId: "ada" });
    picture.counted({ agentId: "ada", metrics: { messagesSent: 1 } }, 0);
    picture.counted({ agentId: "ada", metrics: { messagesSent: 9 } }, 1_000);
    expect(picture.lines(1_000)[0]?.says).toBe(8);
    expect(picture.lines(9_000)[0]?.says).toBe(0);
  });

  it("is what an agent calls itself, where that is not its name", () => {
    const picture = new TopPicture();
    picture.announced({ ...agent, agentId: "si8d7e34", name: "poet" });
    picture.announced({ ...agent, agentId: "zoe", name: "zoe" });
    expect(picture.lines(0).map(({ name, displayName }) => [name, displayName])).toEqual([
      ["si8d7e34", "poet"],
      ["zoe", ""],
    ]);
  });

  it("leaves out who is offline, and forgets all when the connection is lost", () => {
    const picture = new TopPicture();
    for (const agentId of ["ada", "__proto__"]) picture.announced({ ...agent, agentId });
    picture.changed({ agentId: "ada", newState: "OFFLINE" });
    picture.changed({ agentId: "nobody", newState: "IDLE" });
    expect(picture.lines(0).map(({ name }) => name)).toEqual(["__proto__"]);
    picture.clear();
    expect(picture.lines(0)).toEqual([]);
  });
});

describe("the text of broker top", () => {
  it("has a line for each agent, marks those of the demo, and names rooms and losses", () => {
    const line = {
      name: "ada",
      displayName: "Ada",
      dialect: "pan",
      trust: "proved",
      state: "IDLE",
      says: 2.5,
      hears: 0,
    };
    const text = topLines(
      facts({
        agents: [{ ...line, isDemo: true, queue: 4, answerMs: 412.3 }],
        rooms: [{ name: "#general", members: 2 }],
        losses: [{ reason: "nobody-there", count: 7 }],
      }),
      undefined,
      undefined,
      plain,
    );
    expect(text[0]).toBe("12:00:00  2 agents, 1 online, 12 messages/s, 1.0 % refused, 0 waiting");
    expect(text.find((one) => one.includes("ada"))).toMatch(
      /^ada \(demo\) +pan +IDLE +2\.5 +0 +4 +412 ms +proved +Ada$/,
    );
    expect(text).toContain("rooms    #general 2");
    expect(text).toContain("reasons  7 nobody-there");
  });

  it("fits a terminal, whatever agents and rooms are called", () => {
    const name = `\u001b[2J${"x".repeat(200)}`;
    const line = { dialect: "zmq", trust: "claimed", state: "WAITING", isDemo: false, says: 0, hears: 0 };
    const agents = Array.from({ length: 50 }, (_each, at) => ({
      ...line,
      displayName: name,
      name: `${name}${String(at)}`,
      queue: null,
      answerMs: null,
    }));
    const system = { ...facts().system, alerts: [{ level: "warning", message: "y".repeat(300) }] };
    const text = topLines(facts({ agents, system, rooms: [{ name, members: 1 }] }), 60, 20, plain);
    expect(text.length).toBeLessThanOrEqual(20);
    for (const one of text) {
      expect(one).not.toContain("\u001b");
      expect(one.length).toBeLessThanOrEqual(60);
    }
    expect(text.join("\n")).toContain("more");
  });
});
