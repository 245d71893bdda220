import { z } from "zod";
import { Fault, isIssued, writtenTrust } from "../../core/index.js";
import { agent, noList } from "../fields.js";
import { hasRight, kind, type Ask } from "../kind.js";
import type { CoordinationEvent } from "../../telemetry/telemetry.js";

const share = "is a number above 0, and 1 at most";
const ms = "is a whole number of milliseconds, from 1";
const listMax = 1_000;
const defaultList = 100;

/** Items of a list that cost as much as one message: each participant is written to. */
const itemsPerParticipant = 100;

const participant = z.object(
  {
    id: agent,
    role: z.enum(["voter", "observer"], 'is "voter" or "observer"').describe("observers are told, and do not vote"),
  },
  "is {id, role}",
);
const parameters = z.object(
  {
    consensusThreshold: z
      .number(share)
      .gt(0, share)
      .max(1, share)
      .describe("so many of the voters must approve, abstentions counted as voters; 0.66 if absent")
      .exactOptional(),
    timeout: z.int(ms).min(1, ms).describe("milliseconds; 30,000 if absent").exactOptional(),
    proposal: z.looseObject({}, "is an object").describe("what is voted on: {type, details}"),
  },
  "is {consensusThreshold, timeout, proposal}",
);
const coordinationId = z.string("is missing; it is a text").min(1, "is missing; it is a text");
const when = z.iso.datetime();
const event = z.looseObject({}).describe("the document's payload, as agents and viewers have it");

/** What a voter is asked, and an observer told, in `content.data`. */
export const askedVote = z.object({
  coordinationId: z.string(),
  pattern: z.literal("CONSENSUS"),
  role: z.enum(["voter", "observer"]),
  initiator: z.object({ id: z.string(), trust: writtenTrust }).describe("whose proposal it is"),
  proposal: z.looseObject({}),
  threshold: z.number().describe("so many of the voters must approve"),
  options: z.array(z.enum(["approve", "reject", "abstain"])).describe("one of them in data.vote, or as the first word"),
  timeout: z.int().describe("milliseconds"),
  until: when,
});

const counted = z.int().min(0);

/** What has become of a coordination, as all who were asked hear it. */
export const coordinationResult = z.object({
  coordinationId: z.string(),
  pattern: z.literal("CONSENSUS"),
  progress: z.number().describe("0–1: so many of the voters have answered"),
  status: z.enum(["APPROVED", "REJECTED", "TIMED_OUT"]),
  votes: z
    .record(
      z.string(),
      z.object({
        vote: z.enum(["approve", "reject", "abstain", "pending", "absent"]),
        timestamp: when.exactOptional(),
        unreadable: z.literal(true).describe("the answer was no vote, and counts as an abstention").exactOptional(),
      }),
    )
    .describe("by the voter's name"),
  estimatedCompletion: when.describe("when it ended"),
  result: z.object({
    decision: z.enum(["APPROVED", "REJECTED", "TIMED_OUT"]),
    approve: counted,
    reject: counted,
    abstain: counted,
    absent: counted.describe("not here when they were to be asked"),
    pending: counted,
    voters: counted,
    needed: counted.describe("approvals"),
  }),
});

/** `coordination.start`: has agents of any dialect vote on a proposal of the asker's (Visualisation §3.8). */
export const coordinationStart = kind({
  request: z.strictObject({
    pattern: z.literal("CONSENSUS", 'is "CONSENSUS"; other patterns agents run themselves').exactOptional(),
    participants: z.array(participant, "is a list of {id, role}").min(1, "is empty"),
    parameters,
  }),
  answer: z.object({
    coordinationId: z.string(),
    pattern: z.literal("CONSENSUS"),
    until: when.describe("when its time is up"),
    absent: z.array(z.string()).describe("voters who are not here, and have no mailbox: they do not approve"),
  }),
  right: undefined,
  length: (_ask, { participants }) => participants.length * itemsPerParticipant,
  run: (ask, { participants, parameters: { consensusThreshold = 0.66, timeout = 30_000, proposal } }) => {
    const { asker, viewer } = ask;
    const issued = viewer !== undefined && isIssued(viewer);
    const {
      coordinationId: id,
      endsAt,
      absent,
    } = known(ask).coordinator.start({
      initiator: asker,
      trust: viewer?.trust ?? "claimed",
      chargedTo: issued ? `name ${asker}` : ask.chargedTo,
      isIssued: issued,
      participants,
      consensusThreshold,
      timeoutMs: timeout,
      proposal,
    });
    const voters = participants.filter(({ role }) => role === "voter").length;
    const missing = absent.length === 0 ? "" : `; not here: ${absent.join(", ")}`;
    return {
      message: `${voters - absent.length} of ${voters} voters are asked (${id})${missing}`,
      data: { coordinationId: id, pattern: "CONSENSUS" as const, until: new Date(endsAt).toISOString(), absent },
    };
  },
});

/** `coordination.status`: how a coordination began, and how it stands. */
export const coordinationStatus = kind({
  request: z.strictObject({ coordinationId }),
  answer: z.object({
    coordinationId: z.string(),
    initiated: event,
    progress: event.describe("the newest; absent: nothing was said yet").exactOptional(),
  }),
  right: undefined,
  length: noList,
  run: (ask, { coordinationId: id }) => {
    const [initiated, progress] = known(ask).coordinations.of(id) ?? [];
    if (initiated === undefined || !maySee(ask, initiated))
      throw new Fault("not-found", `you take part in no coordination ${JSON.stringify(id)}, or it is forgotten`);
    return {
      message: `${id}: ${textOf(progress, "status") ?? "begun"}`,
      data: { coordinationId: id, initiated: initiated.payload, ...(progress && { progress: progress.payload }) },
    };
  },
});

const listed = z.object({
  coordinationId: z.string(),
  pattern: z.string(),
  initiator: z.string(),
  since: when,
  status: z.string().describe("of the newest progress").exactOptional(),
  progress: z.number().describe("0–1").exactOptional(),
});

/** `coordination.list`: those that the asker takes part in, under way and the last that are over; observers see all that they may see. */
export const coordinationList = kind({
  request: z.strictObject({
    max: z
      .int(`is a whole number from 1 to ${listMax}`)
      .min(1, `is a whole number from 1 to ${listMax}`)
      .max(listMax, `is a whole number from 1 to ${listMax}`)
      .describe(`the newest; ${defaultList} if absent`)
      .exactOptional(),
  }),
  answer: z.object({ coordinations: z.array(listed).describe("oldest first") }),
  right: undefined,
  length: (_ask, { max = defaultList }) => max,
  run: (ask, { max = defaultList }) => {
    const found: z.output<typeof listed>[] = [];
    for (const each of known(ask).coordinations.events()) {
      const { type, payload, at } = each;
      if (type === "coordination.initiated") {
        if (maySee(ask, each)) found.push(begun(payload, at));
        continue;
      }
      const last = found.at(-1); // the newest progress stands behind how it began
      if (last === undefined || last.coordinationId !== payload["coordinationId"]) continue;
      const { status, progress } = payload;
      if (typeof status === "string") last.status = status;
      if (typeof progress === "number") last.progress = progress;
    }
    const coordinations = found.slice(-max);
    return {
      message: coordinations.map(({ coordinationId: id, status = "begun" }) => `${id} ${status}`).join(", "),
      data: { coordinations },
    };
  },
});

function begun(payload: CoordinationEvent["payload"], at: number): z.output<typeof listed> {
  const { coordinationId: id, pattern } = payload;
  return {
    coordinationId: String(id),
    pattern: String(pattern),
    initiator: initiatorOf(payload),
    since: new Date(at).toISOString(),
  };
}

/** @throws Fault unsupported */
function known({ coordination }: Ask): NonNullable<Ask["coordination"]> {
  if (coordination === undefined) throw new Fault("unsupported", "this broker runs no coordinations");
  return coordination;
}

/** Who takes part, and who looks: `observe` alone not at what names an agent that is listed to its contacts only. */
function maySee({ asker, viewer }: Ask, { payload, hidden }: CoordinationEvent): boolean {
  if (hasRight(viewer, "operate") || viewer?.scopes.has("inspect") === true) return true;
  if (!hidden && viewer?.scopes.has("observe") === true) return true;
  const { participants } = payload;
  return (
    initiatorOf(payload) === asker || (Array.isArray(participants) && participants.some((each) => idOf(each) === asker))
  );
}

function initiatorOf({ initiator }: CoordinationEvent["payload"]): string {
  return idOf(initiator) ?? "";
}

function idOf(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null || !("id" in value)) return undefined;
  return typeof value.id === "string" ? value.id : undefined;
}

function textOf(event: CoordinationEvent | undefined, field: string): string | undefined {
  const value = event?.payload[field];
  return typeof value === "string" ? value : undefined;
}
