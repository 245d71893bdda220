import { z } from "zod";
import { Fault, shapeProblemText } from "#dialect";

/**
 * What the document's types hold in `content` (Agent Network §4.2), for the broker's translation alone: frames between two
 * agents of Agent Network are not looked into. Unknown keys are kept.
 */

/** Characters of a `requestId` or `proposalId` at most, as of every id that crosses. */
export const idMax = 256;

const id = z.string().min(1).max(idMax);

/** Why a query could not be answered. */
export const answerError = z.looseObject({ code: z.string(), message: z.string() });

/** The document's types that another dialect hears and says, and INFORM, which is ours. */
export const contents = {
  QUERY: z.looseObject({ requestId: id, queryType: z.string().min(1).max(128), parameters: z.looseObject({}) }),
  RESPONSE: z.looseObject({ requestId: id, data: z.unknown().optional(), error: answerError.nullish() }),
  PROPOSAL: z.looseObject({ proposalId: id, details: z.looseObject({}) }),
  CONFIRMATION: z.looseObject({ proposalId: id, status: z.string() }),
  REJECTION: z.looseObject({ proposalId: id, reason: z.string() }),
  INFORM: z.looseObject({ text: z.string() }),
} as const;

/** A type whose content the broker knows. */
export type KnownType = keyof typeof contents;

/** The content of a type. */
export type ContentOf<T extends KnownType> = Readonly<z.infer<(typeof contents)[T]>>;

/** An object of JSON. */
export type Fields = Readonly<Record<string, unknown>>;

/** True for a type whose content the broker knows. */
export function isKnownType(type: string): type is KnownType {
  return Object.hasOwn(contents, type);
}

/** True for an object that is no list. */
export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** True for what a type holds. */
export function isContentOf<T extends KnownType>(type: T, content: unknown): content is ContentOf<T> {
  return contents[type].safeParse(content).success;
}

/** @throws Fault malformed, naming the field */
export function mustBeContentOf<T extends KnownType>(type: T, content: Fields): asserts content is ContentOf<T> {
  const { error } = contents[type].safeParse(content);
  if (error !== undefined) throw new Fault("malformed", `${type}: content.${shapeProblemText(error, content)}`);
}
