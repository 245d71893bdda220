import { z } from "zod";
import { shapeProblemText } from "../../../src/core/shape-problem.js";
import type { Fields } from "./frames.js";

/**
 * What each type of the document says in `content` (Agent Network §1.2, §4.2). Unknown keys are kept, and types that are
 * not here pass to the application as they are.
 */
const id = z.string().min(1).max(256);
const anyFields = z.record(z.string(), z.unknown());
const time = z.string().refine((text) => !Number.isNaN(Date.parse(text)), "is no time as 2030-06-01T15:00:00Z");

/** The document's kinds of a QUERY. Others pass. */
export const queryTypes = ["AVAILABILITY", "LOCATION_PREFERENCE", "MEETING_TYPE_PREFERENCE", "CUSTOM"] as const;
/** One of {@link queryTypes}. */
export type QueryType = (typeof queryTypes)[number];

/** What is asked, by kind: checked before it is sent. */
export const queryParameters = {
  AVAILABILITY: z.looseObject({ startDate: time, endDate: time, timeZone: z.string().exactOptional() }),
  LOCATION_PREFERENCE: z.looseObject({}),
  MEETING_TYPE_PREFERENCE: z.looseObject({}),
  CUSTOM: z.looseObject({ text: z.string().exactOptional() }),
} as const satisfies Readonly<Record<QueryType, z.ZodType>>;
/** The parameters of a kind. */
export type QueryParameters<T extends QueryType> = Readonly<z.infer<(typeof queryParameters)[T]>>;

/** Why a query could not be answered; other codes pass. */
export const answerCodes = ["UNAVAILABLE_DATA", "PERMISSION_DENIED", "INVALID_PARAMETERS", "INTERNAL_ERROR"] as const;
/** A code of an answer's error: one of {@link answerCodes}, or a word of the application. */
export type AnswerCode = (typeof answerCodes)[number] | (string & {});

const answerError = z.looseObject({
  code: z.string().min(1),
  message: z.string(),
  details: anyFields.exactOptional(),
});

/** What becomes of a proposal. */
export const proposalStatuses = ["PENDING", "ACCEPTED", "REJECTED", "EXPIRED", "MODIFIED"] as const;
/** One of {@link proposalStatuses}. */
export type ProposalStatus = (typeof proposalStatuses)[number];

const location = z.looseObject({
  name: z.string().exactOptional(),
  address: z.string().exactOptional(),
  locationType: z.string().exactOptional(),
  coordinates: z
    .looseObject({ latitude: z.number().min(-90).max(90), longitude: z.number().min(-180).max(180) })
    .exactOptional(),
});

/** What is proposed: a time, a place and a type. */
export const proposalDetails = z.looseObject({
  title: z.string().exactOptional(),
  description: z.string().exactOptional(),
  startTime: time.exactOptional(),
  endTime: time.exactOptional(),
  location: location.exactOptional(),
  meetingType: z.string().exactOptional(),
  participants: z.array(z.string()).exactOptional(),
  status: z.enum(proposalStatuses).exactOptional(),
  expiresAt: z.number().describe("milliseconds since 1970; the proposal is EXPIRED then").exactOptional(),
});
/** See {@link proposalDetails}. */
export type ProposalDetails = Readonly<z.infer<typeof proposalDetails>>;

/** Why a proposal is declined. OTHER says more in `details`. */
export const rejectionReasons = [
  "SCHEDULE_CONFLICT",
  "LOCATION_UNSUITABLE",
  "TIME_UNSUITABLE",
  "USER_DECLINED",
  "OTHER",
] as const;
/** One of {@link rejectionReasons}. */
export type RejectionReason = (typeof rejectionReasons)[number];

/** The content of each type that this client knows. */
export const contents = {
  QUERY: z.looseObject({ requestId: id, queryType: z.string().min(1).max(128), parameters: anyFields }),
  RESPONSE: z.looseObject({ requestId: id, data: z.unknown().optional(), error: answerError.nullish() }),
  PROPOSAL: z.looseObject({ proposalId: id, details: proposalDetails }),
  CONFIRMATION: z.looseObject({
    proposalId: id,
    status: z.literal("ACCEPTED"),
    calendarEventId: z.string().exactOptional(),
  }),
  REJECTION: z.looseObject({
    proposalId: id,
    reason: z.enum(rejectionReasons),
    details: z.string().exactOptional(),
  }),
  HEARTBEAT: z.looseObject({ timestamp: z.number() }),
  INFORM: z.looseObject({ text: z.string(), kind: z.string().exactOptional(), data: z.unknown().optional() }),
} as const;

/** A type whose content this client knows. */
export type KnownType = keyof typeof contents;
/** The content of a type. */
export type ContentOf<T extends KnownType> = Readonly<z.infer<(typeof contents)[T]>>;

/** True for a type whose content this client knows. */
export function isKnownType(type: string): type is KnownType {
  return Object.hasOwn(contents, type);
}

/** The content of a known type, or what is wrong with it, which names the field. */
export function readContent<T extends KnownType>(
  type: T,
  content: Fields,
): { readonly content: ContentOf<T> } | { readonly problem: string } {
  const read = contents[type].safeParse(content);
  return read.success
    ? { content: read.data as ContentOf<T> }
    : { problem: `${type}: content.${shapeProblemText(read.error, content)}` };
}

/** What is wrong with what is to be said, and where; undefined if nothing is. Types that nobody knows may say anything. */
export function contentProblem(type: string, content: Fields): string | undefined {
  if (!isKnownType(type)) return undefined;
  const read = readContent(type, content);
  if ("problem" in read) return read.problem;
  if (type === "REJECTION" && content["reason"] === "OTHER" && typeof content["details"] !== "string")
    return "REJECTION: a reason OTHER says in details why";
  return undefined;
}

/** What is wrong with the parameters of a query of a known kind; undefined if nothing is, or nobody knows the kind. */
export function parametersProblem(queryType: string, parameters: Fields): string | undefined {
  if (!Object.hasOwn(queryParameters, queryType)) return undefined;
  const read = queryParameters[queryType as QueryType].safeParse(parameters);
  return read.success ? undefined : `${queryType}: parameters.${shapeProblemText(read.error, parameters)}`;
}
