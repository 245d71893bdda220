import { describe, expect, it } from "vitest";
import type { Conversation, Heard } from "../../../../src/conformance/conversation.js";
import {
  Answers,
  rememberedMax,
  rememberedMaxLength,
  repeatedMax,
  type Answer,
} from "../../../../bridges/visualisation/commands/answers.js";
import { CommandWorld, executes } from "./kit.js";

const place = { channel: undefined, correlationId: "c" };
const result = (length: number): Answer => ({ type: "control.result", payload: "x".repeat(length) });

/** A command that is begun and answered. */
function answered(answers: Answers, id: string, length = 10): void {
  answers.begin(id, place);
  answers.settle(id, result(length), true);
}

describe("the answers of a session", () => {
  it("are remembered by the ids of the commands, one as another", () => {
    const answers = new Answers();
    expect(answers.repeated("a", place)).toBeUndefined();
    for (const id of ["a", "__proto__", "constructor"]) answered(answers, id);
    for (const id of ["a", "__proto__", "constructor"]) expect(answers.repeated(id, place)).toEqual(result(10));
    expect(answers.repeated("toString", place)).toBeUndefined();
  });

  it("are as many as may be; the oldest goes, and never one that is under way", () => {
    const answers = new Answers();
    answers.begin("first", place);
    for (let n = 0; n < rememberedMax + 10; n += 1) answered(answers, `n${String(n)}`);
    expect(answers.repeated("first", place)).toBe("under way");
    expect(answers.repeated("n10", place)).toBeUndefined();
    expect(answers.repeated("n11", place)).toEqual(result(10));
    expect(answers.repeated(`n${String(rememberedMax + 9)}`, place)).toEqual(result(10));
  });

  it("hold so much together; of the oldest only that they were given is known, so that nothing is done twice", () => {
    const answers = new Answers();
    const half = rememberedMaxLength / 2;
    for (const id of ["a", "b", "c"]) answered(answers, id, half);
    expect(() => answers.repeated("a", place)).toThrow("executed and answered before");
    expect(answers.repeated("b", place)).toEqual(result(half));
    answered(answers, "too long", rememberedMaxLength + 1);
    expect(() => answers.repeated("too long", place)).toThrow("under a new id");
    expect(answers.repeated("c", place)).toEqual(result(half));
  });

  it("go to each place that waits for them, and a bounded number of repetitions waits", () => {
    const answers = new Answers();
    answers.begin("a", place);
    const places = [...Array(repeatedMax).keys()].map((n) => ({ channel: "ch", correlationId: String(n) }));
    for (const other of places) expect(answers.repeated("a", other)).toBe("under way");
    expect(() => answers.repeated("a", place)).toThrow("wait for an answer already");
    expect(answers.settle("a", result(1), true)).toEqual([place, ...places]);
    expect(answers.underWay).toBe(0);
    answers.begin("b", place);
    expect(answers.repeated("b", place)).toBe("under way");
  });

  it("are forgotten where nothing was executed", () => {
    const answers = new Answers();
    answers.begin("a", place);
    expect(answers.settle("a", result(1), false)).toEqual([place]);
    expect(answers.repeated("a", place)).toBeUndefined();
    expect(answers.settle("a", result(1), true)).toEqual([]);
  });
});

describe("a command whose id was said before", () => {
  const payloads = (heard: readonly Heard[]): readonly unknown[] => heard.map(({ payload }) => payload);

  /** Answers the one question that an agent was asked. */
  async function answers(agent: Conversation, text: string): Promise<void> {
    const asked = await agent.hears({ type: "chat", intent: "request" });
    await agent.says({ type: "chat", to: asked["from"], text, replyTo: asked["messageId"] });
    await agent.hearsNothing();
  }

  it("is not executed again, and gets the same answer, whatever else it says", async () => {
    const at = new CommandWorld();
    const agent = await at.agent("agent-001");
    const olga = await at.commands();
    await olga.says(executes("msg-131"));
    await answers(agent, "done");
    const [first] = olga.all();
    await olga.says(executes("msg-131", {}, { correlationId: "again" }));
    await olga.says(executes("msg-131", { targetAgent: "nobody", command: "other" }));
    const again = olga.all();
    expect(payloads(again)).toEqual([first?.["payload"], first?.["payload"]]);
    expect(again[0]?.["metadata"]).toEqual({ correlationId: "again", priority: "critical" });
    await agent.hearsNothing();
    expect(at.world.audited).toHaveLength(1);
  });

  it("while the first is under way is answered with it", async () => {
    const at = new CommandWorld();
    const agent = await at.agent("agent-001");
    const olga = await at.commands();
    for (const correlationId of ["a", "b", "c"]) await olga.says(executes("msg-131", {}, { correlationId }));
    await olga.hearsNothing();
    await answers(agent, "done");
    const heard = olga.all();
    expect(new Set(payloads(heard).map((payload) => JSON.stringify(payload))).size).toBe(1);
    expect(heard.map(({ metadata }) => (metadata as Heard)["correlationId"])).toEqual(["a", "b", "c"]);
  });

  it("hears again that nobody was there, even if somebody is by now", async () => {
    const at = new CommandWorld();
    const olga = await at.commands();
    await olga.says(executes("msg-131"));
    const [first] = olga.all();
    const agent = await at.agent("agent-001");
    await olga.says(executes("msg-131"));
    expect(payloads(olga.all())).toEqual([first?.["payload"]]);
    await agent.hearsNothing();
  });

  it("is another command in another session", async () => {
    const at = new CommandWorld();
    const agent = await at.agent("agent-001");
    const [olga, otto] = [await at.commands(), await at.commands("viewing otto")];
    await olga.says(executes("msg-131"));
    await answers(agent, "done");
    await otto.says(executes("msg-131"));
    await answers(agent, "done again");
    expect(otto.all()).toMatchObject([{ payload: { result: { message: "done again" } } }]);
  });

  it("that was refused before anything was executed is a new one", async () => {
    const at = new CommandWorld();
    const agent = await at.agent("agent-001");
    const olga = await at.commands();
    await olga.says(executes("msg-131", { targetAgent: "#general" }));
    await olga.hears({ type: "error" });
    await olga.says(executes("msg-131", { callback: { type: "webhook", url: "https://evil.org/" } }));
    await olga.hears({ type: "error" });
    await olga.says(executes("msg-132", { targetAgent: "$broker", command: "dance" }));
    await olga.hears({ type: "error" });
    await olga.says(executes("msg-131"));
    await agent.hears({ type: "chat" });
    await olga.says(executes("msg-132", { targetAgent: "$broker", command: "ping", parameters: {} }));
    await olga.hears({ type: "control.result" });
  });
});
