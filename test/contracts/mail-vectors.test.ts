import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Agent, Fault, Refuse, type Envelope, type Receipt } from "../../src/index.js";
import type { MessageListener } from "../../clients/typescript/agent/link.js";
import { eventually } from "../kit/broker.js";

interface Ask {
  readonly kind: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly state: string;
}

interface Taking {
  readonly about: string;
  readonly type: string;
  readonly attempt: number;
  readonly nested?: number;
  readonly handler: { readonly returns?: string; readonly throws?: string; readonly refuses?: string | null };
  readonly asks: readonly Ask[];
  readonly answer?: Partial<Envelope>;
}

interface Sending {
  readonly about: string;
  readonly type: "inform" | "request";
  readonly tells: readonly { readonly receipt?: object; readonly fault?: object }[];
  readonly stored?: object;
  readonly settled?: object;
}

interface Mistake {
  readonly about: string;
  readonly mailbox: Readonly<Record<string, unknown>>;
  readonly names: readonly string[];
}

const { takes, sends, mistakes } = JSON.parse(
  readFileSync(new URL("../vectors/mail.json", import.meta.url), "utf8"),
) as {
  readonly takes: readonly Taking[];
  readonly sends: readonly Sending[];
  readonly mistakes: readonly Mistake[];
};

/** An agent without a broker: what it says is given to `said`, and `arrives` lets it hear something. */
function alone(said: (envelope: Envelope) => void): {
  readonly agent: Agent;
  readonly arrives: (json: object) => void;
} {
  let hears: MessageListener = () => undefined;
  const agent = Agent.over("ada", (heard) => {
    hears = heard;
    return {
      subscribe: () => true,
      unsubscribe: () => undefined,
      publish: (_topic, payload) => {
        said(JSON.parse(payload) as Envelope);
        return Promise.resolve();
      },
      close: () => Promise.resolve(),
      isDirect: true,
    };
  });
  return {
    agent,
    arrives: (json) => {
      hears("ada", Buffer.from(JSON.stringify(json)));
    },
  };
}

const ofBroker = { from: "$broker", to: "ada", trust: "proved" };

describe("the vectors of what an agent takes out of its mailbox", () => {
  it.each(takes)("hold: $about", async ({ type, attempt, nested = 0, handler, asks, answer }) => {
    const asked: Omit<Ask, "state">[] = [];
    const responses: Envelope[] = [];
    let isTaken = false;
    let deep: unknown = 0;
    for (let level = 0; level < nested; level += 1) deep = { deep };
    const $broker = { delivery_id: "d1", attempt, stored_at: "2026-02-03T04:05:06.000Z" };
    const message = { message_id: "m1", from: "bob", to: "ada", type, content: { message: "?", data: deep }, $broker };
    const answerOf = (kind: string, given: object): object | undefined => {
      if (kind === "mailbox.open") return { leased: 0 };
      if (kind === "mailbox.take") {
        if (isTaken) return undefined;
        isTaken = true;
        return { messages: [message] };
      }
      const state = asks[asked.length]?.state;
      const { ids, ...data } = given as { readonly ids: readonly string[] };
      expect(ids).toEqual(["d1"]);
      asked.push({ kind, data });
      return { results: [{ delivery_id: "d1", state }] };
    };
    const { agent, arrives } = alone(({ type: said, content, message_id: id, ...rest }) => {
      if (said === "response") responses.push({ type: said, content, message_id: id, ...rest });
      else {
        const data = answerOf(content.kind ?? "", content.data as object);
        if (data !== undefined)
          setImmediate(() => {
            arrives({ ...ofBroker, type: "response", in_reply_to: id, content: { message: "", data } });
          });
      }
    });
    await agent.openMailbox({ mode: "take", retryMs: 1_000 });
    const handle = (): string => {
      if (handler.refuses !== undefined) throw new Refuse(handler.refuses ?? undefined);
      if (handler.throws !== undefined) throw new Error(handler.throws);
      return handler.returns ?? "";
    };
    agent
      .onRequest(handle)
      .onInform(() => void handle())
      .onResponse(() => void handle());
    await eventually(() => asked.length >= asks.length, "all is asked");
    await agent.close();
    expect(asked).toEqual(asks.map(({ kind, data }) => ({ kind, data })));
    expect(responses).toMatchObject(answer === undefined ? [] : [answer]);
  });
});

describe("the vectors of receipts", () => {
  it.each(sends)("hold: $about", async ({ type, tells, stored, settled }) => {
    const { agent, arrives } = alone(() => undefined);
    const sent = agent.send("bob", "?", { messageId: "m1", type });
    const became: Record<string, Receipt | Pick<Fault, "code"> | "waits"> = { stored: "waits", settled: "waits" };
    for (const word of ["stored", "settled"] as const)
      sent[word].then(
        (receipt) => (became[word] = receipt),
        (thrown: unknown) => (became[word] = thrown instanceof Fault ? { code: thrown.code } : "waits"),
      );
    for (const { receipt, fault } of tells)
      arrives(
        receipt === undefined
          ? { ...ofBroker, type: "inform", in_reply_to: "m1", content: { message: "", kind: "fault", data: fault } }
          : { ...ofBroker, type: "inform", content: { message: "", kind: "receipt", data: receipt } },
      );
    await new Promise(setImmediate);
    expect(became).toEqual({ stored: stored ?? "waits", settled: settled ?? "waits" });
    await agent.close();
  });
});

describe("the vectors of settings that make no sense", () => {
  const inOurs = (text: string): string => text.replaceAll(/_([a-z])/g, (_all, letter: string) => letter.toUpperCase());

  it.each(mistakes)("hold: $about", async ({ mailbox, names }) => {
    const said: Envelope[] = [];
    const { agent } = alone((envelope) => said.push(envelope));
    const option = Object.fromEntries(Object.entries(mailbox).map(([name, value]) => [inOurs(name), value]));
    const refusal: unknown = await agent.openMailbox(option as never).catch((thrown: unknown) => thrown);
    expect(refusal).toMatchObject({ code: "malformed" });
    for (const name of names) expect((refusal as Fault).message).toContain(inOurs(name));
    expect(said).toEqual([]);
    await agent.close();
  });
});
