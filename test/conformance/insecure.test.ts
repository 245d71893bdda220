import { describe, expect, it } from "vitest";
import { conformance, type ConformanceSubject } from "../../src/conformance/index.js";
import {
  agentNameProblem,
  defineDialect,
  Fault,
  hasType,
  principal,
  type Dialect,
  type Rules,
} from "../../src/dialect/index.js";
import { echo } from "../../bridges/echo/index.js";
import type { EchoEvent } from "../../bridges/echo/schema.js";
import type { Echo } from "../../bridges/echo/session.js";

/** Echo with a fault put into it. */
function spoilt(change: (itself: Dialect<Echo>) => Partial<Dialect<Echo>>): ConformanceSubject {
  let dialect = echo;
  echo.with((itself) => {
    const known = itself as unknown as Dialect<Echo>; // echo is an echo dialect
    dialect = defineDialect<Echo>({ ...known, ...change(known) });
  });
  return {
    dialect,
    command: (type) => JSON.stringify({ type }),
    join: (room) => JSON.stringify({ type: "join", room }),
    leave: (room) => JSON.stringify({ type: "leave", room }),
    joinWithHistory: (room, history) => JSON.stringify({ type: "join", room, history }),
    list: () => JSON.stringify({ type: "list" }),
    senderOf: (frame) => (JSON.parse(frame.toString()) as { from?: string }).from,
    forged: (to, text, from) => JSON.stringify({ type: "say", to, text, from }),
  };
}

/** Echo whose command `echo` takes another name, as `take` does it. */
function renaming(cost: number, take: Rules<Echo>["echo"]["run"]): ConformanceSubject {
  return {
    ...spoilt(({ commands }) => ({ commands: { ...commands, echo: { phase: "ready", cost, run: take } } })),
    rename: (text) => JSON.stringify({ type: "echo", text }),
  };
}

/** As it should be done. */
const takesName: Rules<Echo>["echo"]["run"] = async (session, { text }) => {
  const problem = agentNameProblem(text);
  if (problem !== undefined) throw new Fault("malformed", `text: ${problem}`);
  if (session.services.identity.isProtected(text)) throw new Fault("unauthenticated", `${text} needs its token`);
  await session.rename(principal(text, "claimed"));
};

/** The cases of these sections that a dialect does not pass, as `section: name`. */
async function failures(subject: ConformanceSubject, ...sections: readonly string[]): Promise<string[]> {
  const failed: string[] = [];
  for (const { section, name, run } of conformance(subject)) {
    if (sections.length > 0 && !sections.includes(section)) continue;
    try {
      await run();
    } catch {
      failed.push(`${section}: ${name}`);
    }
  }
  return failed;
}

describe("the conformance suite", () => {
  it("passes echo as it is", async () => {
    expect(await failures(spoilt(() => ({})))).toEqual([]);
  });

  it("fails a dialect that lets any token in as proved", async () => {
    const subject = spoilt(({ commands }) => ({
      commands: {
        ...commands,
        login: {
          phase: "greeting",
          async run(session, { name }) {
            await session.admit(principal(name, "proved", { proof: `token:${name}` }));
            session.phase = "ready";
          },
        },
      },
    }));
    expect(await failures(subject, "tokens")).toEqual(
      expect.arrayContaining([
        "tokens: refuses a wrong token, and one that is somebody else's",
        "tokens: takes the agent's own token as a proof, and the shared one not",
        "tokens: lets nobody have a name that somebody else proves",
      ]),
    );
  });

  it("fails a dialect whose JOIN and LEAVE only answer", async () => {
    const subject = spoilt(({ commands }) => ({
      commands: {
        ...commands,
        join: {
          ...commands.join,
          run: (session, { room }) => {
            session.send({ type: "joined", room, agent: "" });
          },
        },
        leave: {
          ...commands.leave,
          run: (session, { room }) => {
            session.send({ type: "left", room, agent: "" });
          },
        },
      },
    }));
    expect(await failures(subject, "rooms")).toEqual(
      expect.arrayContaining([
        "rooms: lets members hear what is said in a room, and nobody else",
        "rooms: lets nobody hear a room that it has left",
        "rooms: keeps an invite-only room closed: an outsider neither joins, nor speaks, nor hears",
      ]),
    );
  });

  it("fails a dialect without costs", async () => {
    const subject = spoilt(() => ({ rate: { refusal: "", buckets: () => [] } }));
    expect(await failures(subject, "costs")).toEqual([
      "costs: refuses a flood, in the word for it, and lets the same client speak again later",
      "costs: makes joins and leaves cost something, too",
      "costs: makes a long list cost more than a short one",
    ]);
  });

  it("fails a dialect whose long lists cost no more than short ones", async () => {
    const subject = spoilt(({ commands }) => ({ commands: { ...commands, list: { ...commands.list, cost: 1 } } }));
    expect(await failures(subject, "costs")).toEqual(["costs: makes a long list cost more than a short one"]);
  });

  it("fails a dialect that says who speaks as its client wrote it", async () => {
    const subject = spoilt(({ render }) => ({
      render: {
        ...render,
        event: (envelope, meta, session) => {
          const event = render.event(envelope, meta, session);
          return event?.type === "heard" ? { ...event, from: "carol" } : event;
        },
      },
    }));
    expect(await failures(subject, "conversation")).toEqual([
      "conversation: tells who speaks, whatever a client writes as the sender",
    ]);
  });

  it("passes a dialect that renames well, and fails one whose renaming is free, unchecked or only answered", async () => {
    expect(await failures(renaming(1, takesName))).toEqual([]);
    const cost = "names: makes renaming cost something, and a new name no new allowance";
    const taken = "names: renames nobody to a name that is another's, protected or reserved";
    expect(await failures(renaming(0, takesName), "names")).toEqual([cost]);
    const unchecked = renaming(1, (session, { text }) => session.rename(principal(text, "claimed")));
    expect(await failures(unchecked, "names")).toEqual([taken]);
    const idle = renaming(1, (session, { text }) => {
      session.send({ type: "echo", text });
    });
    expect(await failures(idle, "names")).toEqual([
      "names: renames: the new name is heard, the old one is free, rooms are kept",
      taken,
    ]);
  });

  it("fails a dialect that does not know its own first frame, or takes everybody's for its own", async () => {
    const recognition = "description: recognises the first frame of its own clients, and of nobody else's";
    expect(await failures(spoilt(() => ({ recognise: (frame) => hasType(frame, ["hello"]) })))).toEqual([recognition]);
    expect(await failures(spoilt(() => ({ recognise: () => true })))).toEqual([recognition]);
  });

  it("fails a dialect whose vocabulary is stale", async () => {
    const part = (has: string): string => `description: has in its vocabulary ${has}`;
    const without = (key: "commands" | "events", word: string): ConformanceSubject =>
      spoilt(({ vocabulary }) => {
        if (vocabulary === undefined) throw new Error("echo has a vocabulary");
        const kept = Object.entries(vocabulary[key]).filter(([name]) => name !== word);
        return { vocabulary: { ...vocabulary, [key]: Object.fromEntries(kept) } };
      });
    const names = part("the refusal and the answers that it names");
    expect(await failures(without("commands", "join"))).toEqual([part("what its clients say"), names]);
    expect(await failures(without("events", "heard"))).toEqual([part("what its clients hear")]);
    expect(await failures(without("events", "refused"))).toEqual([part("what its clients hear"), names]);
  });

  it("fails a text dialect that puts names between blanks as they are", async () => {
    const cut = (event: EchoEvent): EchoEvent =>
      "from" in event ? { ...event, from: event.from.split(" ")[0] ?? "" } : event;
    const subject = spoilt((itself) => ({
      codec: (session) => {
        const codec = itself.codec(session);
        return { ...codec, encode: (event) => codec.encode(cut(event)) };
      },
    }));
    expect(await failures(subject)).toEqual([
      "names: lets agents answer somebody whose name holds spaces, commas and colons",
      "names: carries text to and from an agent with such a name, or refuses its login",
    ]);
  });

  it("fails a dialect that is said to have no tokens and has some, and one whose lists are not told", async () => {
    expect(await failures({ ...spoilt(() => ({})), without: ["tokens"] }, "tokens")).toContain(
      "tokens: has no tokens, so nobody is more than claimed by a login",
    );
    const parts = Object.entries(spoilt(() => ({}))).filter(([part]) => part !== "list");
    const silent = Object.fromEntries(parts) as unknown as ConformanceSubject; // but for the list
    expect(await failures(silent, "costs")).toEqual(["costs: makes a long list cost more than a short one"]);
  });
});
