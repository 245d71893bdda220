import { conformance, type ConformanceSubject } from "../../src/conformance/index.js";
import { defineDialect, type Dialect, type Rules } from "../../src/dialect/index.js";
import { echo } from "../../bridges/echo/index.js";
import type { Echo } from "../../bridges/echo/session.js";

/** Echo with a fault put into it. */
export function spoilt(change: (itself: Dialect<Echo>) => Partial<Dialect<Echo>>): ConformanceSubject {
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

/** Echo with other rules for some of its commands. */
export function ruled(change: (rules: Rules<Echo>) => Partial<Rules<Echo>>): ConformanceSubject {
  return spoilt(({ commands }) => ({ commands: { ...commands, ...change(commands) } }));
}

/** Faulty dialects by what they do, each with the cases that it does not pass. */
export type Spoilt = Readonly<Record<string, readonly [ConformanceSubject, ...string[]]>>;

/** The cases of these sections that a dialect does not pass, as `section: name`. */
export async function failures(subject: ConformanceSubject, ...sections: readonly string[]): Promise<string[]> {
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
