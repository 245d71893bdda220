import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Fault, defaultLimits, type Envelope, type Limits } from "../../src/core/index.js";
import { RequestsMemory } from "../../src/conversation/index.js";
import { FakeClock } from "../../src/conformance/fake-clock.js";

function start(limits: Partial<Limits> = {}): { requests: RequestsMemory; clock: FakeClock } {
  const clock = new FakeClock();
  return { requests: new RequestsMemory({ limits: { ...defaultLimits, ...limits }, clock }), clock };
}

const response = (from: string, to: string, inReplyTo?: string, type: Envelope["type"] = "response"): Envelope => ({
  message_id: "r",
  timestamp: "",
  from,
  to,
  type,
  priority: "NORMAL",
  content: { message: "" },
  ...(inReplyTo !== undefined && { in_reply_to: inReplyTo }),
});

/** Opens a request of ada to bob and notes what became of it. */
function ask(requests: RequestsMemory, messageId: string, log: string[], timeoutMs?: number): () => void {
  return requests.open({
    from: "ada",
    to: "bob",
    messageId,
    answered: (answer) => log.push(`${messageId} answered ${answer.in_reply_to ?? ""}`.trim()),
    timedOut: () => log.push(`${messageId} timed out`),
    ...(timeoutMs !== undefined && { timeoutMs }),
  });
}

describe("open requests", () => {
  it("are closed by the response that names them, once", () => {
    const { requests, clock } = start();
    const log: string[] = [];
    ask(requests, "1", log);
    ask(requests, "2", log);
    expect(requests.answer(response("bob", "ada", "2"))).toBe(true);
    expect(requests.answer(response("bob", "ada", "2"))).toBe(false);
    expect(requests.size).toBe(1);
    clock.advance(30_000);
    expect(log).toEqual(["2 answered 2", "1 timed out"]);
  });

  it("are closed oldest first by a response that names none", () => {
    const { requests } = start();
    const log: string[] = [];
    for (const id of ["1", "2"]) ask(requests, id, log);
    expect(requests.answer(response("bob", "ada"))).toBe(true);
    expect(requests.answer(response("bob", "ada"))).toBe(true);
    expect(requests.answer(response("bob", "ada"))).toBe(false);
    expect(log).toEqual(["1 answered", "2 answered"]);
  });

  it("of one id, which repeats in the wild, are closed oldest first", () => {
    const { requests } = start();
    const log: string[] = [];
    requests.open({ from: "ada", to: "bob", messageId: "same", answered: () => log.push("first") });
    requests.open({ from: "ada", to: "bob", messageId: "same", answered: () => log.push("second") });
    requests.answer(response("bob", "ada", "same"));
    requests.answer(response("bob", "ada", "same"));
    expect(log).toEqual(["first", "second"]);
  });

  it("are not closed by another agent, to another agent, by what is no response, or by an answer to something else", () => {
    const { requests } = start();
    ask(requests, "1", []);
    for (const other of [
      response("eve", "ada", "1"),
      response("bob", "eve", "1"),
      response("ada", "bob", "1"),
      response("bob", "ada", "1", "inform"),
      response("bob", "ada", "1", "request"),
      response("bob", "ada", "0"),
    ]) {
      expect(requests.answer(other)).toBe(false);
    }
    expect(requests.size).toBe(1);
  });

  it("are told which is the oldest between two agents", () => {
    const { requests } = start();
    const withdraw = ask(requests, "1", []);
    ask(requests, "2", []);
    expect(requests.pending("ada", "bob")?.messageId).toBe("1");
    withdraw();
    withdraw();
    expect(requests.pending("ada", "bob")?.messageId).toBe("2");
    expect(requests.pending("bob", "ada")).toBeUndefined();
  });

  it("time out after their own time, else after 30 s, and a late answer finds nothing", () => {
    const { requests, clock } = start();
    const log: string[] = [];
    ask(requests, "own", log, 100);
    ask(requests, "default", log);
    ask(requests, "never", log, 1e12);
    clock.advance(100);
    expect(log).toEqual(["own timed out"]);
    clock.advance(29_900);
    expect(log).toEqual(["own timed out", "default timed out"]);
    expect(requests.answer(response("bob", "ada", "own"))).toBe(false);
    expect(requests.size).toBe(1);
    requests.close();
  });

  it("that expired when they were opened time out at once, not in a month", () => {
    const { requests, clock } = start();
    const log: string[] = [];
    ask(requests, "1", log, -5);
    clock.advance(0);
    expect(log).toEqual(["1 timed out"]);
  });

  it("that are withdrawn say nothing more", () => {
    const { requests, clock } = start();
    const log: string[] = [];
    ask(requests, "1", log)();
    clock.advance(60_000);
    expect([log, requests.size, clock.waiting]).toEqual([[], 0, 0]);
  });

  it("may be opened by an answer", () => {
    const { requests } = start({ requestsPerSenderMax: 1 });
    requests.open({
      from: "ada",
      to: "bob",
      messageId: "1",
      answered: () => requests.open({ from: "ada", to: "bob", messageId: "2" }),
    });
    requests.answer(response("bob", "ada"));
    expect(requests.pending("ada", "bob")?.messageId).toBe("2");
    requests.close();
  });

  it("are refused as full beyond the limit of one sender and of all", () => {
    const { requests } = start({ requestsPerSenderMax: 2, requestsMax: 3 });
    const open = (from: string): (() => void) => requests.open({ from, to: "bob", messageId: "1" });
    const code = (from: string): string => {
      try {
        open(from);
        return "none";
      } catch (error) {
        return error instanceof Fault ? error.code : "crash";
      }
    };
    const first = open("ada");
    expect([code("ada"), code("ada"), code("eve"), code("carl")]).toEqual(["none", "full", "none", "full"]);
    first();
    expect(code("carl")).toBe("none");
    requests.close();
  });

  it("of connections without a token leave places for other connections, and half of all for tokens", () => {
    const { requests } = start({ requestsMax: 60 });
    const openUntilFull = (from: string, owner?: string): number => {
      for (let count = 0; ; count += 1)
        try {
          requests.open({ from, to: "bob", messageId: String(count), ...(owner !== undefined && { owner }) });
        } catch {
          return count;
        }
    };
    expect([openUntilFull("eve", "zmq-1"), openUntilFull("eve", "zmq-2"), openUntilFull("ada")]).toEqual([15, 10, 35]);
    requests.close();
  });

  it("that are refused say whether the share of one is full or the place of all, and what to do", () => {
    const { requests } = start({ requestsMax: 40, requestsPerSenderMax: 30 });
    const fill = (from: string, owner?: string): unknown => {
      for (let count = 0; ; count += 1)
        try {
          requests.open({ from, to: "bob", messageId: String(count), ...(owner !== undefined && { owner }) });
        } catch (thrown) {
          return thrown;
        }
    };
    const share = { code: "full", detail: { reason: "requests-share-full" } };
    const all = { code: "full", detail: { reason: "requests-full" } };
    const said = (words: string): { readonly message: unknown } => ({ message: expect.stringMatching(words) });
    expect(fill("eve", "zmq-1")).toMatchObject({ ...share, ...said("its share .*wait for some .*or connect with a") });
    for (const at of [2, 3]) expect(fill("eve", `zmq-${String(at)}`)).toMatchObject(share);
    expect(fill("eve", "zmq-4")).toMatchObject({ ...all, ...said("without a token .*try again .*or connect with a") });
    expect(fill("ada")).toMatchObject({ ...all, ...said("of all agents; try again in a moment") });
    requests.close();
    expect(fill("ada")).toMatchObject({ ...share, ...said("ada waits for 30 .*wait for some") });
    requests.close();
  });

  it("of a crowd without tokens, each within its assured part, close nothing to who has one", () => {
    const { requests } = start({ requestsMax: 100 });
    for (let at = 0; at < 12; at += 1)
      for (let n = 0; n < 10; n += 1)
        try {
          requests.open({ from: "eve", to: "bob", messageId: String(n), owner: `zmq-${String(at)}` });
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: "full" });
        }
    let given = 0;
    for (; given < 50; given += 1) requests.open({ from: "ada", to: "bob", messageId: String(given) });
    expect(() => requests.open({ from: "ada", to: "bob", messageId: "more" })).toThrow("as many open requests");
    expect(requests.size).toBe(150);
    requests.close();
  });

  it("leave no timer when they are closed all together", () => {
    const { requests, clock } = start();
    for (const id of ["1", "2"]) ask(requests, id, []);
    requests.close();
    expect([requests.size, clock.waiting, requests.pending("ada", "bob")]).toEqual([0, 0, undefined]);
  });

  it("agree with a list searched from its start, whatever happens", () => {
    const name = fc.constantFrom("ada", "bob", "eve");
    const id = fc.constantFrom("1", "2");
    const steps = fc.array(
      fc.oneof(
        fc.record({ do: fc.constant("open" as const), from: name, to: name, id, ms: fc.constantFrom(50, 100, 500) }),
        fc.record({ do: fc.constant("answer" as const), from: name, to: name, id: fc.option(id, { nil: undefined }) }),
        fc.record({ do: fc.constant("withdraw" as const), n: fc.nat(20) }),
        fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(20, 100) }),
      ),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(steps, (list) => {
        const { requests, clock } = start({ requestsPerSenderMax: 4 });
        const ended = new Map<number, string>();
        let model: { n: number; from: string; to: string; id: string; until: number; withdraw: () => void }[] = [];
        let opened = 0;
        for (const step of list) {
          if (step.do === "wait") clock.advance(step.ms);
          else if (step.do === "withdraw") {
            model.find(({ n }) => n === step.n)?.withdraw();
            model = model.filter(({ n }) => n !== step.n);
          } else if (step.do === "answer") {
            const at = model.findIndex(
              (open) =>
                open.from === step.to && open.to === step.from && (step.id === undefined || open.id === step.id),
            );
            expect(requests.answer(response(step.from, step.to, step.id))).toBe(at !== -1);
            const [closed] = at === -1 ? [] : model.splice(at, 1);
            if (closed !== undefined) expect(ended.get(closed.n)).toBe("answered");
          } else if (model.filter(({ from }) => from === step.from).length < 4) {
            const n = (opened += 1);
            const withdraw = requests.open({
              from: step.from,
              to: step.to,
              messageId: step.id,
              timeoutMs: step.ms,
              answered: () => ended.set(n, "answered"),
              timedOut: () => ended.set(n, "timed out"),
            });
            model.push({ n, from: step.from, to: step.to, id: step.id, until: clock.monotonic() + step.ms, withdraw });
          }
          for (const open of model) if (open.until <= clock.monotonic()) expect(ended.get(open.n)).toBe("timed out");
          model = model.filter(({ until }) => until > clock.monotonic());
          expect([requests.size, clock.waiting]).toEqual([model.length, model.length]);
        }
      }),
    );
  });
});
