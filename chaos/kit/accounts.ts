import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { BrokerStatus } from "../../src/index.js";
import { operatorName } from "../../src/identity/index.js";
import { patienceMs } from "../../test/kit/patience.js";
import { PlainAgent } from "../../test/kit/plain-agent.js";
import type { BrokerProcess } from "./broker-process.js";
import type { Course } from "./scenario.js";

/** Both equations of the ledgers (ADR 0006). @throws if one does not hold */
export function expectExact({ ledger: { messages, copies, taps } }: Pick<BrokerStatus, "ledger">): void {
  const { accepted, routed, stored, refused, unroutable, malformed } = messages;
  expect(accepted, "accepted = routed + stored + refused + unroutable + malformed").toBe(
    routed + stored + refused + unroutable + malformed,
  );
  for (const one of [copies, taps]) {
    const { full, closed, expired, unrenderable } = one.dropped;
    expect(one.copies, "copies = written + dropped + pending").toBe(
      one.written + full + closed + expired + unrenderable + one.pending,
    );
  }
}

/** What `mailbox.list` tells of a box. */
export interface BoxCounts {
  readonly agent: string;
  readonly stored: number;
  readonly waiting: number;
  readonly leased: number;
  readonly done: number;
  readonly answered: number;
  readonly refused: number;
  readonly expired: number;
  readonly dead: number;
}

/** stored = waiting + leased + settled by state. @throws if it does not hold */
export function expectBoxExact({ agent, stored, ...counts }: BoxCounts): void {
  const { waiting, leased, done, answered, refused, expired, dead } = counts;
  expect(stored, `the sum of the mailbox of ${agent}`).toBe(
    waiting + leased + done + answered + refused + expired + dead,
  );
}

/** The account of a scenario: `broker status --json`, checked and noted. */
export async function settle(course: Course, broker: BrokerProcess): Promise<BrokerStatus> {
  const status = await broker.status();
  expectExact(status);
  const { messages, copies } = status.ledger;
  course.note({
    accepted: messages.accepted,
    copies: copies.copies,
    written: copies.written,
    "dropped full": copies.dropped.full,
    "dropped closed": copies.dropped.closed,
    pending: copies.pending,
  });
  return status;
}

/** The operator on a connection that stays: each look costs one message and one copy. */
export class Operator {
  readonly #agent: PlainAgent;

  private constructor(agent: PlainAgent) {
    this.#agent = agent;
  }

  static async of(course: Course, broker: BrokerProcess): Promise<Operator> {
    const token = readFileSync(join(broker.dataDir, "operator-token"), "utf8").trim();
    const agent = new PlainAgent(operatorName, broker, { token });
    course.finally(() => {
      agent.close();
    });
    return new Operator(await agent.meet());
  }

  /** @throws if the ledgers are not exact at this moment */
  async look(): Promise<BrokerStatus> {
    const answer = await this.#agent.asks("broker.status");
    const status = answer.content["data"] as BrokerStatus;
    expectExact(status);
    return status;
  }

  /** Resolves when both of its sockets are connected again. */
  async back(): Promise<void> {
    await this.#agent.meet();
  }

  /** The answer to a question. @throws with the words of a fault */
  async asks(kind: string, data: Record<string, unknown>): Promise<unknown> {
    const { content } = await this.#agent.asks(kind, data);
    if (content["kind"] === "fault") throw new Error(content.message);
    return content["data"];
  }

  /** All mailboxes, as `mailbox.list` tells of them. */
  async mailboxes(): Promise<readonly BoxCounts[]> {
    const all: BoxCounts[] = [];
    let after: string | undefined;
    do {
      const page = (await this.asks("mailbox.list", { max: 1_000, ...(after !== undefined && { after }) })) as {
        readonly mailboxes: readonly BoxCounts[];
        readonly next?: string;
      };
      all.push(...page.mailboxes);
      after = page.next;
    } while (after !== undefined);
    return all;
  }

  /** Resolves with all mailboxes, once nothing waits in them. @throws with what is left */
  async emptied(withinMs: number): Promise<readonly BoxCounts[]> {
    const end = performance.now() + withinMs;
    for (;;) {
      const boxes = await this.mailboxes();
      if (boxes.every(({ waiting, leased }) => waiting + leased === 0)) return boxes;
      if (performance.now() > end) throw new Error(`the mailboxes are not empty: ${JSON.stringify(boxes)}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** Names that are online. Costs as much as there are: not to be asked all the time. */
  async names(): Promise<readonly string[]> {
    const answer = await this.#agent.asks("agents.list");
    if (answer.content["kind"] === "fault") throw new Error(answer.content.message);
    return (answer.content["data"] as { readonly agents: readonly { readonly name: string }[] }).agents.map(
      ({ name }) => name,
    );
  }

  /** Looks until it fits. @throws with the last status */
  async until(fits: (status: BrokerStatus) => boolean, what: string, withinMs = patienceMs): Promise<BrokerStatus> {
    const end = performance.now() + withinMs;
    for (;;) {
      const status = await this.look();
      if (fits(status)) return status;
      if (performance.now() > end)
        throw new Error(
          `not within ${String(withinMs)} ms: ${what}; ${JSON.stringify({ connections: status.connections, ...status.ledger })}`,
        );
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
