import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Agent, Fault, Refuse, type AgentOptions, type MailboxOption, type MailboxStatus } from "../../../src/index.js";
import { eventually, startBroker, type TestBroker } from "../../kit/broker.js";

/** Both ways to be an agent; `mailbox` of both. */
describe.each(["over ZeroMQ", "in the broker's own process"] as const)(
  "an agent that takes its messages, %s",
  (how) => {
    let at: TestBroker;
    let ada: Agent;
    const agents: Agent[] = [];

    beforeEach(async () => {
      at = await startBroker();
      ada = await join("ada");
    });
    afterEach(async () => {
      await Promise.all(agents.splice(0).map((agent) => agent.close()));
      await at.stop();
    });

    async function join(name: string, mailbox: MailboxOption = false, options: AgentOptions = {}): Promise<Agent> {
      const agent =
        how === "over ZeroMQ"
          ? await Agent.connect({ ...options, name, mailbox, in: at.zmqIn, out: at.zmqOut })
          : await at.broker.agent(name, { ...options, mailbox });
      agents.push(agent);
      return agent;
    }
    const leave = (agent: Agent): Promise<void> => {
      agents.splice(agents.indexOf(agent), 1);
      return agent.close();
    };
    const settledIn = (agent: Agent): Promise<MailboxStatus> => agent.mailboxStatus();

    it("answers what it was asked while it was away, and the box knows that it is answered", async () => {
      await leave(await join("bob", "take"));
      const sent = ada.send("bob", "are you there?", { type: "request" });
      expect(await sent.stored).toMatchObject({ id: sent.messageId, state: "stored" });
      const answered = new Promise<string>((resolve) => {
        ada.onResponse(({ content }) => {
          resolve(content.message);
        });
      });
      const bob = await join("bob", "take");
      bob.onRequest(({ content }) => `you said: ${content.message}`);
      expect(await answered).toBe("you said: are you there?");
      expect(await sent.settled).toMatchObject({ state: "answered" });
      await eventually(async () => (await settledIn(bob)).answered === 1, "it is settled");
      expect(await settledIn(bob)).toMatchObject({ waiting: 0, leased: 0, done: 0 });
    });

    it("settles a request by its answer although who asked is gone", async () => {
      const bob = await join("bob", "take");
      const carol = await join("carol");
      const { stored } = carol.send("bob", "are you there?", { type: "request" });
      await stored;
      await leave(carol);
      bob.onRequest(() => "yes");
      await eventually(async () => (await settledIn(bob)).answered === 1, "it is settled");
      expect(await settledIn(bob)).toMatchObject({ waiting: 0, leased: 0, done: 0, answered: 1 });
    });

    it("settles informs that a handler returns from, many in one request", async () => {
      const bob = await join("bob", "take");
      for (let at = 0; at < 200; at += 1) await ada.inform("bob", String(at));
      const heard: string[] = [];
      bob.onInform(({ content }) => void heard.push(content.message));
      await eventually(() => heard.length === 200, "all are heard");
      expect(heard).toEqual(Array.from({ length: 200 }, (_, at) => String(at)));
      await eventually(async () => (await settledIn(bob)).done === 200, "all are settled");

      expect(at.broker.status().ledger.ofBroker).toBeLessThan(200); // questions and answers
    });

    it("gives back with a pause what a handler throws, and tells the sender what it refuses", async () => {
      const log: unknown[] = [];
      const bob = await join(
        "bob",
        { mode: "take", retryMs: 50 },
        { log: (_level, event, fields) => log.push([event, fields]) },
      );
      const attempts: unknown[] = [];
      bob.onInform(({ content, $broker }) => {
        if (content.message === "never") throw new Refuse("not of mine");
        attempts.push($broker?.attempt);
        if (attempts.length < 2) throw new Error("not yet");
      });
      const [never, twice] = ["never", "twice"].map((text) => ada.send("bob", text));
      expect(await never?.settled).toMatchObject({ state: "refused", reason: "not of mine" });
      expect(await twice?.settled).toMatchObject({ state: "done" });
      expect(attempts).toEqual([1, 2]);
      expect(log).toContainEqual([
        "a handler failed, its message comes again",
        expect.objectContaining({ delayMs: 50 }),
      ]);
      const asked = ada.request("bob", "never");
      bob.onRequest(() => {
        throw new Refuse("nor this");
      });
      await expect(asked).rejects.toMatchObject({
        code: "forbidden",
        message: expect.stringContaining("nor this") as string,
      });
    });

    it("gives messages without a handler to who iterates, settled by asking for the next one", async () => {
      const bob = await join("bob", "take");
      const sent = ["one", "two", "three"].map((text) => ada.send("bob", text));
      const heard: string[] = [];
      for await (const { content } of bob) {
        heard.push(content.message);
        if (heard.length === 3) break;
      }
      expect(heard).toEqual(["one", "two", "three"]);
      expect(await sent[0]?.settled).toMatchObject({ state: "done" });
      expect(await sent[1]?.settled).toMatchObject({ state: "done" });
      await eventually(async () => (await settledIn(bob)).waiting === 1, "the last one is given back");
      expect(await ada.messageState(sent[2]?.messageId ?? "")).toMatchObject([{ to: "bob", state: "waiting" }]);
    });

    it("finishes what it has begun when it leaves, and gives the rest back at once", async () => {
      const bob = await join("bob", { mode: "take", parallel: 1 });
      const sent = ["one", "two", "three"].map((text) => ada.send("bob", text));
      await Promise.all(sent.map(({ stored }) => stored));
      let begun = (): void => undefined;
      const isBegun = new Promise<void>((resolve) => (begun = resolve));
      let finish = (): void => undefined;
      const finished = new Promise<void>((resolve) => (finish = resolve));
      bob.onInform(() => {
        begun();
        return finished;
      });
      await isBegun;
      const left = leave(bob);
      await eventually(
        async () => (await ada.messageState(sent[1]?.messageId ?? ""))[0]?.state === "waiting",
        "given back",
      );
      finish();
      await left;
      expect(await sent[0]?.settled).toMatchObject({ state: "done" });
      const again = await join("bob", "take");
      const heard: unknown[] = [];
      again.onInform(({ content, $broker }) => void heard.push([content.message, $broker?.attempt]));
      await eventually(() => heard.length === 2, "the others come");
      expect(heard).toEqual([
        ["two", 1],
        ["three", 1],
      ]);
    });

    it("extends leases while handlers run, so that nothing comes twice", async () => {
      const bob = await join("bob", { mode: "take", leaseMs: 1_000, parallel: 1 });
      const heard: string[] = [];
      bob.onInform(async ({ content }) => {
        heard.push(content.message);
        await new Promise((resolve) => setTimeout(resolve, 1_600));
      });
      const sent = ["one", "two"].map((text) => ada.send("bob", text));
      for (const { settled } of sent) expect(await settled).toMatchObject({ state: "done" });
      expect(heard).toEqual(["one", "two"]);
      expect(await settledIn(bob)).toMatchObject({ done: 2, waiting: 0, leased: 0 });
    });

    it("reads its messages one by one by mail(), each with its ends", async () => {
      const bob = await join("bob", "take");
      const sent = ["done", "refuse", "later", "answer"].map((text) =>
        ada.send("bob", text, text === "answer" ? { type: "request" } : {}),
      );
      await Promise.all(sent.map(({ stored }) => stored));
      const states: unknown[] = [];
      for await (const mail of bob.mail({ waitMs: 0, max: 2 })) {
        if (mail.type === "request") await bob.respond({ ...mail, type: "request" }, "yes");
        else if (mail.content.message === "done") states.push(await mail.done());
        else if (mail.content.message === "refuse") states.push(await mail.refuse("no"));
        else states.push(await mail.extend(), await mail.release(60_000));
      }
      expect(states).toEqual(["done", "refused", "leased", "waiting"]);
      expect(await sent[3]?.settled).toMatchObject({ state: "answered" });
      expect(await sent[1]?.settled).toMatchObject({ state: "refused", reason: "no" });
      const page = await bob.peek();
      expect(page.messages).toMatchObject([
        { state: "waiting", attempts: 1, message: { content: { message: "later" } } },
      ]);
    });

    it("says so, once, when a handler fails and nobody has given a log", async () => {
      const warnings: string[] = [];
      const warned = ({ message }: Error): unknown => warnings.push(message);
      process.on("warning", warned);
      const bob = await join("bob", { mode: "take", retryMs: 1 });
      let calls = 0;
      bob.onInform(() => {
        calls += 1;
        throw new Error("boom");
      });
      ada.send("bob", "one");
      await eventually(() => calls > 1, "it comes again");
      process.off("warning", warned);
      expect(warnings.filter((words) => words.startsWith("agent bob"))).toEqual([
        "agent bob: a handler failed, its message comes again: Error: boom; give connect a log to be told of each",
      ]);
    });

    it("leaves in whose hand it is what it has taken, when the box is changed meanwhile", async () => {
      const bob = await join("bob", "take");
      const sent = ada.send("bob", "one");
      for await (const mail of bob.mail({ max: 1 })) {
        expect(await bob.openMailbox({ mode: "take", max: 500 })).toMatchObject({ leased: 1, max: 500 });
        expect(await bob.mailboxStatus()).toMatchObject({ leased: 1, waiting: 0 });
        for (const [end, words] of [
          [mail.release("soon" as never), 'delayMs is "soon"; give a whole number from 0 to 3600000'],
          [mail.extend(-1), "leaseMs is -1; give a whole number from 1000"],
        ] as const)
          await expect(end).rejects.toMatchObject({
            code: "malformed",
            message: expect.stringContaining(words) as string,
          });
        expect(await mail.done()).toBe("done");
        break;
      }
      expect(await sent.settled).toMatchObject({ state: "done" });
    });

    it("tells by one reader at a time, and none in push mode", async () => {
      const bob = await join("bob", "take");
      const first = bob.mail();
      const asked = first.next();
      await expect(bob.mail().next()).rejects.toMatchObject({ code: "conflict" });
      await ada.inform("bob", "hello");
      expect(await asked).toMatchObject({ value: { content: { message: "hello" } } });
      await first.return(undefined);
      expect(() => ada.mail()).toThrow(Fault);
    });

    it("refuses what makes no sense", async () => {
      await expect(ada.openMailbox("pull" as "push")).rejects.toMatchObject({ code: "malformed" });
      await expect(ada.openMailbox({ mode: "take", batch: 0 })).rejects.toMatchObject({ code: "malformed" });
      await expect(ada.openMailbox({ keepS: -1 })).rejects.toMatchObject({ code: "malformed" });
      await expect(ada.mailboxStatus()).rejects.toMatchObject({ code: "not-found" });
    });
  },
);
