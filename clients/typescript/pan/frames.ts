import { z } from "zod";
import { jsonProblem } from "../shared/no-json-number.js";
import { isNestedDeeper, jsonDepthMax, repairSurrogates, shapeProblemText } from "../../../src/core/index.js";
import { ask, chat, deliveryStates, join, errorCodes, type Event } from "../../../bridges/pan/schema.js";

/** A frame of the server: an event, something newer than this client (to be ignored), or no PAN at all. */
export type Reading =
  | { readonly kind: "event"; readonly event: Event }
  | { readonly kind: "unknown" }
  | { readonly kind: "garbage"; readonly problem: string };

const text = z.string();
// Lenient: fields that we do not know are kept; an optional one of a wrong kind counts as absent.
const optionalText = text.optional().catch(undefined);
const optionalCount = z.int().optional().catch(undefined);
const optionalPlace = z.object({ epoch: text, seq: z.int().nonnegative() }).optional().catch(undefined);
const optionalId = z
  .union([text.min(1), z.number().transform(String)])
  .optional()
  .catch(undefined);

const agent = z
  .looseObject({ id: text, name: optionalText })
  .transform((known) => ({ ...known, name: known.name ?? known.id }));

const events = {
  chat: z
    .looseObject({
      type: z.literal("chat"),
      from: text,
      fromName: optionalText,
      to: text,
      text,
      timestamp: text,
      messageId: optionalId,
      intent: z.enum(["request", "response", "inform"]).optional().catch(undefined),
      replyTo: optionalId,
      trust: optionalText,
      replay: z.literal(true).optional().catch(undefined),
      stored_at: optionalText,
      delivery_id: optionalText,
      attempt: optionalCount,
      room_seq: optionalCount,
      epoch: optionalText,
    })
    .transform((known) => ({ ...known, fromName: known.fromName ?? known.from })),
  system: z.looseObject({
    type: z.literal("system"),
    status: text,
    message: text.catch(""),
    room: optionalText,
    rooms: z.array(text).optional().catch(undefined),
    agentId: optionalText,
    messageIds: z.array(text).optional().catch(undefined),
    state: optionalText,
    reason: optionalText,
    until: optionalText,
    next: optionalPlace,
    gap: z.literal(true).optional().catch(undefined),
  }),
  list: z.looseObject({ type: z.literal("list"), agents: z.array(agent) }),
  answer: z.looseObject({
    type: z.literal("answer"),
    kind: text,
    message: text.catch(""),
    replyTo: optionalId,
  }),
  error: z.looseObject({
    type: z.literal("error"),
    // A code that PAN §6 does not have is INTERNAL: it must not be lost, and it is about no rule that we know.
    code: z.enum(errorCodes).catch("INTERNAL"),
    message: text.catch(""),
    retryAfter: z.number().nonnegative().optional().catch(undefined),
    messageId: optionalId,
  }),
} as const;

const statuses: readonly string[] = ["success", "joined", "left", "agent_joined", "agent_left", "delivery"];

/** Reads what a server said (PAN §5). Never throws: a stranger may be on the other end. */
export function readEvent(frame: string): Reading {
  let value: unknown;
  if (isNestedDeeper(frame, jsonDepthMax))
    return { kind: "garbage", problem: `nested deeper than ${jsonDepthMax} levels` };
  try {
    value = JSON.parse(repairSurrogates(frame));
  } catch {
    return { kind: "garbage", problem: "not valid JSON" };
  }
  const typed = z.looseObject({ type: text }).safeParse(value);
  if (!typed.success) return { kind: "garbage", problem: "no object with a type" };
  const { type } = typed.data;
  if (!Object.hasOwn(events, type)) return { kind: "unknown" };
  const parsed = events[type as keyof typeof events].safeParse(value);
  if (!parsed.success) {
    return { kind: "garbage", problem: `${type}: ${shapeProblemText(parsed.error, value)}` };
  }
  if (parsed.data.type === "system" && !statuses.includes(parsed.data.status)) return { kind: "unknown" };
  if (parsed.data.type === "system" && parsed.data.status === "delivery" && !isDelivery(parsed.data))
    return { kind: "unknown" };
  return { kind: "event", event: parsed.data as Event };
}

/** True for a notice that says which messages it is about, and a state that we know. */
function isDelivery({
  messageIds,
  state,
}: {
  readonly messageIds?: readonly string[] | undefined;
  readonly state?: string | undefined;
}): boolean {
  return messageIds !== undefined && deliveryStates.some((known) => known === state);
}

/** What is checked before it is sent. */
const said = { chat, ask, join } as const;

/** Why a server would refuse a frame as malformed, or read another than was meant; undefined if it would not. */
export function frameProblem(
  frame: Readonly<Record<string, unknown>> & { readonly type: keyof typeof said },
): string | undefined {
  const { type, data } = frame;
  const parsed = said[type].safeParse(frame);
  if (!parsed.success) return `${type}: ${shapeProblemText(parsed.error, frame)}`;
  if (isDeeper(frame, jsonDepthMax)) return `${type}: nested deeper than ${jsonDepthMax} levels`;
  const problem = data === undefined ? undefined : jsonProblem({ data });
  return problem === undefined ? undefined : `${type}: ${problem}`;
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1));
}
