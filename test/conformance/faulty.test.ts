import { describe, expect, it } from "vitest";
import type { ConformanceSubject } from "../../src/conformance/index.js";
import { agentNameProblem, Fault, hasType, principal, type Rules } from "../../src/dialect/index.js";
import type { EchoEvent } from "../../bridges/echo/schema.js";
import type { Echo } from "../../bridges/echo/session.js";
import { failures, spoilt } from "./spoilt.js";

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

describe("the conformance suite", () => {
  it("passes echo as it is", async () => {
    expect(await failures(spoilt(() => ({})))).toEqual([]);
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
