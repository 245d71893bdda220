import { z } from "zod";
import { Fault, writtenTime } from "../../core/index.js";
import {
  multiAgentConfiguration,
  multiAgentId,
  type MultiAgent,
  type MultiAgents,
} from "../../telemetry/multi-agents.js";
import { noList } from "../fields.js";
import { kind, type Ask } from "../kind.js";

/** Configurations of one answer at most, and if nothing is said. */
const listMax = 1_000;
const defaultList = 100;
const noMax = `is a whole number from 1 to ${String(listMax)}`;

const named = { "multi-agentId": multiAgentId };
const listed = z.object({
  ...named,
  configuration: multiAgentConfiguration,
  by: z.string().describe("who has said it"),
  at: writtenTime,
});

/** `multi-agent.configure`: says how a multi-agent is set up, for who has `control` (Visualisation §5.5). */
export const multiAgentConfigure = kind({
  request: z.strictObject({ ...named, configuration: multiAgentConfiguration }),
  answer: listed,
  right: "control",
  length: noList,
  run: async (ask, { "multi-agentId": id, configuration }) => {
    const changed = await known(ask).configure(id, configuration, byOf(ask));
    return { message: `${id} is configured, and all who listen to $events are told`, data: shown(changed) };
  },
});

/** `multi-agent.remove`: forgets that. */
export const multiAgentRemove = kind({
  request: z.strictObject(named),
  answer: z.object({ ...named, removed: z.boolean().describe("false: there was none") }),
  right: "control",
  length: noList,
  run: async (ask, { "multi-agentId": id }) => {
    const removed = await known(ask).remove(id, byOf(ask));
    const message = removed ? `the configuration of ${id} is removed` : `there is no configuration of ${id}`;
    return { message, data: { "multi-agentId": id, removed } };
  },
});

/** `multi-agent.get`: how a multi-agent is set up. */
export const multiAgentGet = kind({
  request: z.strictObject(named),
  answer: listed,
  right: undefined,
  length: noList,
  run: (ask, { "multi-agentId": id }) => {
    const found = known(ask).get(id);
    if (found === undefined)
      throw new Fault("not-found", `there is no configuration of ${id}; multi-agent.list tells which there are`);
    return { message: `${found.by} has configured ${id}`, data: shown(found) };
  },
});

/** `multi-agent.list`: how all are set up, page by page. */
export const multiAgentList = kind({
  request: z.strictObject({
    after: multiAgentId.describe("next of an earlier answer; from the first one if absent").exactOptional(),
    max: z
      .int(noMax)
      .min(1, noMax)
      .max(listMax, noMax)
      .describe(`configurations at most; ${String(defaultList)} if absent`)
      .exactOptional(),
  }),
  answer: z.object({
    "multi-agents": z.array(listed).describe("in the order of their ids"),
    next: z.string().describe("more follow behind this id: ask again from there").exactOptional(),
  }),
  right: undefined,
  length: (_ask, { max = defaultList }) => max,
  run: (ask, { after, max = defaultList }) => {
    const all = known(ask);
    const { page, isMore } = all.page(after, max);
    const last = isMore ? page.at(-1) : undefined;
    return {
      message: `${String(page.length)} of ${String(all.size)} configurations of multi-agents`,
      data: { "multi-agents": page.map(shown), ...(last !== undefined && { next: last.id }) },
    };
  },
});

/** @throws Fault unavailable */
function known({ multiAgents }: Ask): MultiAgents {
  if (multiAgents === undefined) throw new Fault("unavailable", "this broker keeps no configurations");
  return multiAgents;
}

/** Who asks, for people: a session that commands is its token's. */
function byOf({ asker, viewer }: Ask): string {
  return viewer !== undefined && asker.startsWith("control-") ? viewer.displayName : asker;
}

function shown({ id, configuration, by, at }: MultiAgent): z.output<typeof listed> {
  return { "multi-agentId": id, configuration, by, at: new Date(at).toISOString() };
}
