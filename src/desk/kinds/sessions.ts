import { z } from "zod";
import { Fault, placeInOrder, writtenTime, writtenTrust } from "../../core/index.js";
import { agent, noList } from "../fields.js";
import { kind } from "../kind.js";
import type { OpenConnection } from "../office.js";
import { byWhom } from "./tokens.js";
import { officeOf } from "./watching.js";

const listMax = 1_000;
const defaultList = 100;
const aCount = `is a whole number from 1 to ${listMax}`;
const noId = "is missing; it is the id of a connection, as sessions.list tells it";
const id = z.string(noId).min(1, noId).max(256, noId);

const session = z.object({
  id: z.string(),
  dialect: z.string().describe("zmq, pan, agentchat …"),
  door: z.enum(["in", "out"]).describe("zmq: in: the agent's PUB, out: its SUB").exactOptional(),
  agent: z.string().describe("absent: it has not logged in, or has no name").exactOptional(),
  trust: writtenTrust.exactOptional(),
  remote: z.string().describe("its address; ipc: this machine"),
  since: writtenTime,
  backlog: z.int().min(0).describe("bytes that wait for it"),
  dropped: z.int().min(0).describe("messages for it that were dropped because it is slow"),
});

/** `sessions.list`: all WebSocket sessions and ZeroMQ connections, by their ids; for the operator. */
export const sessionsList = kind({
  request: z.strictObject({
    agent: agent.describe("those of one agent").exactOptional(),
    after: id.describe("next of an earlier answer").exactOptional(),
    max: z
      .int(aCount)
      .min(1, aCount)
      .max(listMax, aCount)
      .describe(`at most; ${defaultList} if absent`)
      .exactOptional(),
  }),
  answer: z.object({
    sessions: z.array(session),
    total: z.int().min(0).describe("as many there are in all"),
    next: z.string().describe("more follow behind this id: ask again from there").exactOptional(),
  }),
  right: "operate",
  length: (_ask, { max = defaultList }) => max,
  run: (ask, { agent: name, after, max = defaultList }) => {
    const office = officeOf(ask);
    const { found, total, isMore } = page(office.connections(), { name, after, max });
    const last = isMore ? found.at(-1) : undefined;
    return {
      message: `${found.length} of ${total} connections`,
      data: { sessions: found.map(written), total, ...(last !== undefined && { next: last.id }) },
    };
  },
});

/** `sessions.close`: closes a connection, whose client may come back; for the operator. */
export const sessionsClose = kind({
  request: z.strictObject({ id }),
  answer: z.object({ session: session.describe("that was closed") }),
  right: "operate",
  length: noList,
  run: (ask, fields) => {
    const closed = officeOf(ask).close(fields.id, byWhom(ask));
    if (closed === undefined)
      throw new Fault("not-found", `there is no connection ${JSON.stringify(fields.id)}; sessions.list tells all`);
    const whose = closed.agent ?? closed.remote;
    return {
      message: `the connection ${closed.id} of ${whose} is closed; its client may come back (tokens.revoke keeps it out)`,
      data: { session: written(closed) },
    };
  },
});

interface Page {
  readonly found: readonly OpenConnection[];
  readonly total: number;
  readonly isMore: boolean;
}

/** The first behind a place, by their ids: one look at each, and no list of all of them is sorted. */
function page(
  connections: Iterable<OpenConnection>,
  {
    name,
    after,
    max,
  }: { readonly name?: string | undefined; readonly after?: string | undefined; readonly max: number },
): Page {
  const ids: string[] = [];
  // bound: the connections of one page · evicts: with the answer · owner: page
  const byId = new Map<string, OpenConnection>();
  let total = 0;
  for (const each of connections) {
    total += 1;
    if ((name !== undefined && each.agent !== name) || (after !== undefined && each.id <= after)) continue;
    const last = ids[max];
    if (last !== undefined) {
      if (each.id > last) continue;
      ids.pop();
      byId.delete(last);
    }
    ids.splice(placeInOrder(ids, each.id), 0, each.id);
    byId.set(each.id, each);
  }
  const found = ids.slice(0, max).flatMap((key) => byId.get(key) ?? []);
  return { found, total, isMore: ids.length > max };
}

function written({ agent: name, door, trust, since, ...rest }: OpenConnection): z.output<typeof session> {
  return {
    ...rest,
    ...(door !== undefined && { door }),
    ...(name !== undefined && { agent: name }),
    ...(trust !== undefined && { trust }),
    since: new Date(since).toISOString(),
  };
}
