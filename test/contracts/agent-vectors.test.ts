import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Agent, Fault, type Envelope } from "../../src/index.js";
import type { Link, MessageListener } from "../../clients/typescript/agent/link.js";
import type { Said } from "../../clients/typescript/agent/options.js";

interface Hearing {
  readonly about: string;
  readonly waits?: string;
  readonly payload?: unknown;
  readonly text?: string;
  readonly becomes: string;
  readonly code?: string;
  readonly retryAfterMs?: number;
  readonly answer?: Partial<Envelope>;
  readonly dropped?: number;
}

interface Saying {
  readonly about: string;
  readonly content: unknown;
  readonly refused?: string;
}

const { hears, says } = JSON.parse(readFileSync(new URL("../vectors/agent.json", import.meta.url), "utf8")) as {
  readonly hears: readonly Hearing[];
  readonly says: readonly Saying[];
};

/** What JSON cannot hold, in the place of the texts that stand for it. */
function withNumbers(content: unknown): Said {
  return JSON.parse(JSON.stringify(content), (_key, value: unknown) => {
    const [, number] = typeof value === "string" ? (/^<(NaN|-?Infinity)>$/.exec(value) ?? []) : [];
    return number === undefined ? value : Number(number);
  }) as Said;
}

/** A link on which nothing arrives by itself; what is published is put into `said`. */
function linkOf(said: Envelope[] = []): Link {
  return {
    subscribe: () => true,
    unsubscribe: () => undefined,
    publish: (_topic, written) => Promise.resolve(void said.push(JSON.parse(written) as Envelope)),
    close: () => Promise.resolve(),
    isDirect: true,
  };
}

describe("the vectors of what an agent is told to say", () => {
  it.each(says)("hold: $about", async ({ content, refused }) => {
    const said: Envelope[] = [];
    const agent = Agent.over("ada", () => linkOf(said));
    const informed = agent.inform("bob", withNumbers(content));
    if (refused === undefined) await informed;
    else await expect(informed).rejects.toMatchObject({ code: "malformed", message: refused });
    expect(said).toMatchObject(refused === undefined ? [{ content }] : []);
    expect(said).toHaveLength(refused === undefined ? 1 : 0);
    await agent.close();
  });
});

describe("the vectors of what an agent hears", () => {
  it.each(hears)("hold: $about", async ({ waits, payload, text, becomes, code, retryAfterMs, answer, dropped = 0 }) => {
    const said: Envelope[] = [];
    const became: string[] = [];
    let arrives: MessageListener = () => undefined;
    const agent = Agent.over("ada", (heard) => {
      arrives = heard;
      return linkOf(said);
    });
    agent.onRequest(() => {
      became.push("request");
      return "answer";
    });
    agent.onInform(() => void became.push("inform"));
    agent.onResponse(() => void became.push("response"));
    let failed: unknown;
    const asked =
      waits === undefined
        ? undefined
        : agent.request("bob", "?", { messageId: waits }).then(
            () => became.push("answered"),
            (thrown: unknown) => {
              failed = thrown;
              became.push("failed");
            },
          );
    await Promise.resolve();
    said.length = 0;

    arrives("ada", Buffer.from(text ?? JSON.stringify(payload)));
    if (becomes === "answered" || becomes === "failed") await asked;
    const before = [...became];
    await agent.close(); // finishes what is being answered
    await asked;

    expect(agent.dropped).toBe(dropped);
    expect(before).toEqual(becomes === "nothing" ? [] : [becomes]);
    if (code !== undefined) expect(failed).toMatchObject({ code, ...(retryAfterMs !== undefined && { retryAfterMs }) });
    if (code !== undefined) expect(failed).toBeInstanceOf(Fault);
    expect(said).toEqual(
      answer === undefined
        ? []
        : [
            {
              message_id: expect.any(String) as string,
              timestamp: expect.any(String) as string,
              from: "ada",
              priority: "NORMAL",
              content: { message: "answer" },
              ...answer,
            },
          ],
    );
  });
});

describe("the broker's marks on what an agent hears", () => {
  const kept = { stored_at: "2026-02-03T04:05:06Z", delivery_id: "b7", attempt: 2, room_seq: 3, epoch: "e", chain: 1 };
  it.each<[unknown, unknown]>([
    [kept, kept],
    [undefined, undefined],
    [1, undefined],
    [{ attempt: 0 }, undefined],
    [{ epoch: 1 }, undefined],
  ])("are its word where they make sense: %j", async ($broker, expected) => {
    let arrives: MessageListener = () => undefined;
    const agent = Agent.over("ada", (heard) => {
      arrives = heard;
      return linkOf();
    });
    const heard: unknown[] = [];
    agent.onInform((notice) => void heard.push(notice.$broker));
    arrives("ada", Buffer.from(JSON.stringify({ from: "bob", type: "inform", $broker })));
    await agent.close();
    expect(heard).toEqual([expected]);
  });
});
