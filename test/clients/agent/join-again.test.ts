import { describe, expect, it } from "vitest";
import { Agent, type Envelope } from "../../../src/index.js";
import type { MessageListener } from "../../../clients/typescript/agent/link.js";

/** An agent on a line without a broker, which answers what it asks by `answer`. */
function agentOver(answer: (asked: Envelope) => object): {
  readonly agent: Agent;
  readonly topics: ReadonlySet<string>;
} {
  const topics = new Set<string>();
  let arrives: MessageListener = () => undefined;
  const agent = Agent.over("ada", (heard) => {
    arrives = heard;
    return {
      subscribe: (topic) => !topics.has(topic) && topics.add(topic).has(topic),
      unsubscribe: (topic) => void topics.delete(topic),
      publish: (_topic, written) => {
        const asked = JSON.parse(written) as Envelope;
        queueMicrotask(() => {
          arrives(
            "ada",
            Buffer.from(
              JSON.stringify({
                from: "$broker",
                to: "ada",
                in_reply_to: asked.message_id,
                trust: "proved",
                ...answer(asked),
              }),
            ),
            "proved",
          );
        });
        return Promise.resolve();
      },
      close: () => Promise.resolve(),
    };
  });
  return { agent, topics };
}

const refused = { type: "inform", content: { message: "too many requests", kind: "fault", data: { code: "full" } } };
const joined = {
  type: "response",
  content: { message: "joined", kind: "room.join", data: { room: "#lab", members: ["ada"] } },
};

describe("joining a room", () => {
  it("that refuses leaves no subscription", async () => {
    const { agent, topics } = agentOver(() => refused);
    await expect(agent.join("#lab")).rejects.toMatchObject({ code: "full" });
    expect([...topics]).toEqual([]);
    await agent.close();
  });

  it("again, in vain, does not throw out who is in it", async () => {
    const answers = [joined, refused];
    const { agent, topics } = agentOver(() => answers.shift() ?? refused);
    await agent.join("#lab");
    await expect(agent.join("#lab")).rejects.toMatchObject({ code: "full" });
    expect([...topics]).toEqual(["#lab"]);
    await agent.close();
  });
});
