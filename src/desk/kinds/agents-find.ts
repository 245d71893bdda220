import { z } from "zod";
import { Fault } from "../../core/index.js";
import { listedAgent } from "../fields.js";
import { kind } from "../kind.js";
import { agentListed } from "../lists.js";

/** Agents of one answer at most, and if nothing is said. */
const listMax = 1_000;
const defaultList = 100;
const noMax = `is a whole number from 1 to ${String(listMax)}`;
const noWord = "is missing; it is the name or category of a capability";
/** What one answer says of capabilities at most, bytes; agents say much of themselves. */
const answerMaxBytes = 256 * 1024;
/** Looking for an agent costs as much as listing so many. */
const itemsPerLook = 10;

const foundAgent = listedAgent.extend({
  capabilities: z
    .array(
      z.looseObject({
        name: z.string(),
        category: z.string().exactOptional(),
        level: z.number().exactOptional(),
        description: z.string().exactOptional(),
      }),
    )
    .describe("those of that name or category, as the agent has reported them"),
});

/** `agents.find`: who says that it can do something, among those whom the asker may know of (Visualisation §3.7). */
export const agentsFind = kind({
  request: z.strictObject({
    capability: z
      .string(noWord)
      .min(1, noWord)
      .max(128, "is longer than 128 characters")
      .describe("the name or category of a capability, in any case"),
    max: z
      .int(noMax)
      .min(1, noMax)
      .max(listMax, noMax)
      .describe(`agents at most; ${String(defaultList)} if absent`)
      .exactOptional(),
  }),
  answer: z.object({
    agents: z.array(foundAgent).describe("by name"),
    more: z.literal(true).describe("there are more than these").exactOptional(),
  }),
  right: undefined,
  length: (_ask, { max = defaultList }) => max + itemsPerLook,
  run: ({ asker, directory, capabilities }, { capability: word, max = defaultList }) => {
    if (capabilities === undefined) throw new Fault("unavailable", "nobody keeps here what agents can do");
    const names = capabilities.agentsWith(word).filter((name) => directory.contacts.mayMeet(asker, name));
    let left = answerMaxBytes;
    const shown = names.slice(0, max).filter((name) => (left -= capabilities.bytesOf(name)) >= 0);
    const agents = shown.flatMap((name) => {
      const entry = directory.agent(name);
      return entry === undefined ? [] : [{ ...agentListed(entry), capabilities: capabilities.found(name, word) }];
    });
    const isMore = names.length > shown.length;
    return {
      message: agents.map(({ name }) => name).join(", "),
      data: { agents, ...(isMore && { more: true as const }) },
    };
  },
});
