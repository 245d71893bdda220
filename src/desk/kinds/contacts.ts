import { z } from "zod";
import { writtenTime } from "../../core/index.js";
import type { ContactPair } from "../../directory/index.js";
import { agent, noList } from "../fields.js";
import { kind, type Ask } from "../kind.js";

/** Pairs of one answer at most, and if nothing is said. */
const listMax = 1_000;
const defaultList = 100;

const pair = z.strictObject({ agent, other: agent });
const listedPair = z.object({ agents: z.tuple([z.string(), z.string()]), since: writtenTime });
const changed = z.object({
  agents: z.tuple([z.string(), z.string()]),
  changed: z.boolean().describe("false: it was so before"),
  listed: z.boolean().describe("false: contacts are open in every dialect now, so that the list does not count"),
});

/** `contacts.add`: two agents may have to do with each other from now on, for the operator. */
export const contactsAdd = kind({
  request: pair,
  answer: changed,
  right: "operate",
  length: noList,
  run: async (ask, { agent: one, other }) => {
    const isNew = await book(ask).add(one, other, ask.asker);
    const message = `${one} and ${other} ${isNew ? "are contacts of each other now" : "were contacts before"}`;
    return said(ask, message, [one, other], isNew);
  },
});

/** `contacts.remove`: the end of that. */
export const contactsRemove = kind({
  request: pair,
  answer: changed,
  right: "operate",
  length: noList,
  run: async (ask, { agent: one, other }) => {
    const was = await book(ask).remove(one, other, ask.asker);
    const message = `${one} and ${other} ${was ? "are no contacts any more" : "were no contacts"}`;
    return said(ask, message, [one, other], was);
  },
});

/** `contacts.list`: all pairs, page by page, or those of one agent. */
export const contactsList = kind({
  request: z.strictObject({
    agent: agent.describe("only the contacts of this agent, all of them").exactOptional(),
    after: z
      .tuple([z.string(), z.string()], "is two names, next of an earlier answer")
      .describe("next of an earlier answer; from the first pair if absent")
      .exactOptional(),
    max: z
      .int(`is a whole number from 1 to ${listMax}`)
      .min(1, `is a whole number from 1 to ${listMax}`)
      .max(listMax, `is a whole number from 1 to ${listMax}`)
      .describe(`pairs at most; ${defaultList} if absent`)
      .exactOptional(),
  }),
  answer: z.object({
    contacts: z.array(listedPair).describe("in the order of their names"),
    listed: z.boolean().describe("false: contacts are open in every dialect now, so that the list does not count"),
    next: z
      .tuple([z.string(), z.string()])
      .describe("more follow behind this pair: ask again from there")
      .exactOptional(),
  }),
  right: "operate",
  length: (_ask, { max = defaultList }) => max,
  run: (ask, { agent: name, after, max = defaultList }) => {
    const { pairs, isMore } =
      name === undefined ? book(ask).page(after, max) : { pairs: book(ask).pairsOf(name), isMore: false };
    const last = isMore ? pairs.at(-1) : undefined;
    const of = name === undefined ? "contacts" : `contacts of ${name}`;
    return {
      message: name === undefined ? `${pairs.length} of ${book(ask).size} pairs of ${of}` : `${pairs.length} ${of}`,
      data: {
        contacts: pairs.map(listed),
        listed: ask.directory.contacts.isListed,
        ...(last !== undefined && { next: [...last.agents] as const }),
      },
    };
  },
});

function book({ directory }: Ask): Ask["directory"]["contacts"]["book"] {
  return directory.contacts.book;
}

function said(
  { directory }: Ask,
  message: string,
  agents: readonly [string, string],
  isChanged: boolean,
): { message: string; data: { agents: [string, string]; changed: boolean; listed: boolean } } {
  const { isListed } = directory.contacts;
  const counts = isListed ? "" : "; contacts are open in every dialect now, so that the list does not count";
  return { message: `${message}${counts}`, data: { agents: [...agents], changed: isChanged, listed: isListed } };
}

function listed({ agents: [one, other], at }: ContactPair): z.output<typeof listedPair> {
  return { agents: [one, other], since: new Date(at).toISOString() };
}
