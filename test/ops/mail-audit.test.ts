import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeClock } from "../../src/conformance/fake-clock.js";
import { defaultLimits } from "../../src/core/index.js";
import { LimiterMemory } from "../../src/identity/index.js";
import { MailAudit } from "../../src/ops/mail-audit.js";
import type { AuditEvent } from "../../src/ops/index.js";
import { eventually, startBroker, type TestBroker } from "../kit/broker.js";
import { PlainAgent, type WireMessage } from "../kit/plain-agent.js";
import { issueToken } from "../kit/tokens.js";
import { auditLines, type AuditLine } from "./kit.js";

describe("the audit log, about mailboxes", () => {
  let test: TestBroker;
  const agents: PlainAgent[] = [];
  beforeEach(async () => {
    test = await startBroker({ mailboxes: ["carl"] });
  });
  afterEach(async () => {
    for (const agent of agents.splice(0)) agent.close();
    await test.stop();
  });

  async function agent(name: string, token?: string): Promise<PlainAgent> {
    const made = new PlainAgent(name, test, token === undefined ? {} : { token });
    agents.push(made);
    return made.meet();
  }
  const lines = (): readonly AuditLine[] =>
    auditLines(join(test.dataDir, "audit.log")).filter(({ event }) => event.startsWith("mailbox."));
  const come = (count: number): Promise<void> => eventually(() => lines().length === count, `${String(count)} lines`);

  it("tells who has opened, closed and delivered again: the configuration, the owner, the operator", async () => {
    const bob = await agent("bob", await issueToken(test.dataDir, "bob"));
    const boss = await agent("boss", await issueToken(test.dataDir, "boss", "zmq", { scopes: ["operate"] }));
    const ada = await agent("ada");
    await bob.asks("mailbox.open", { mode: "take" });
    await ada.send("bob", "inform", "one");
    await ada.settled();
    const messages = async (): Promise<readonly WireMessage[]> =>
      ((await bob.asks("mailbox.take", { wait_ms: 5_000 })).content["data"] as { messages: readonly WireMessage[] })
        .messages;
    const [message] = await messages();
    const { delivery_id: id } = message?.["$broker"] as { delivery_id: string };
    await bob.asks("mailbox.redeliver", { ids: [id] }); // it is not dead: nothing is done, and nothing told
    await boss.asks("mailbox.close", { agent: "bob", discard: true });
    await boss.asks("mailbox.open", { agent: "dora" });
    await bob.asks("mailbox.open", {});
    await bob.asks("mailbox.close", {});
    await come(6);
    expect(lines()).toMatchObject([
      { event: "mailbox.opened", agent: "carl", by: "(configuration)", mode: "push", trust: "claimed" },
      { event: "mailbox.opened", agent: "bob", by: "bob", mode: "take", trust: "proved" },
      { event: "mailbox.closed", agent: "bob", by: "boss", discarded: 1 },
      { event: "mailbox.opened", agent: "dora", by: "boss" },
      { event: "mailbox.opened", agent: "bob", by: "bob", mode: "push" },
      { event: "mailbox.closed", agent: "bob", by: "bob", discarded: 0 },
    ]);
    expect(JSON.stringify(lines())).not.toMatch(/one|token/);
  });

  it("tells nothing of what was refused", async () => {
    const ada = await agent("ada");
    expect((await ada.asks("mailbox.close", { agent: "carl" })).content["data"]).toMatchObject({ code: "forbidden" });
    await ada.asks("mailbox.open", { agent: "carl", mode: "take" });
    await ada.asks("mailbox.open", {});
    expect((await ada.asks("mailbox.close", {})).content["data"]).toMatchObject({ code: "forbidden" });
    await come(2);
    expect(lines().map((line) => ("agent" in line ? line.agent : ""))).toEqual(["carl", "ada"]);
  });
});

describe("what agents do to their own mailboxes again and again", () => {
  const opened = (by: string) =>
    ({
      event: "mailbox.opened",
      agent: by === "(configuration)" ? "bob" : by,
      by,
      mode: "push",
      trust: "proved",
    }) as const;

  it("is written at a rate, for each and for all; what is left out is counted, and the operator never is", () => {
    const clock = new FakeClock();
    const limits = { ...defaultLimits, auditClaimsBurst: 2, auditClaimsTotalBurst: 3 };
    const written: AuditEvent[] = [];
    const logged: string[] = [];
    let leftOut = 0;
    const audit = new MailAudit(
      { write: (event) => void written.push(event), leaveOut: () => void (leftOut += 1) },
      new LimiterMemory({ limits, clock }),
      limits,
      (_level, event) => void logged.push(event),
    );
    for (const by of ["ada", "ada", "ada", "eve", "eve", "operator", "(configuration)"]) audit.take(opened(by));
    expect(written.map((event) => ("by" in event ? event.by : ""))).toEqual([
      "ada",
      "ada",
      "eve",
      "operator",
      "(configuration)",
    ]);
    expect([leftOut, logged.length]).toEqual([2, 7]);
  });
});
