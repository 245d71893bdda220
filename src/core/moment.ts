import { z } from "zod";

const moment =
  /^((?!0000)\d{4}-\d\d-)(\d\d)[T ](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?(?:[zZ]|[+-](?:[01]\d|2[0-3]):?[0-5]\d)$/;

/** True for an ISO 8601 time with its zone: without one nobody knows when it is. The 31st of February is none. */
export function isMoment(text: string): boolean {
  const [, month, day] = moment.exec(text) ?? [];
  return day !== undefined && new Date(`${month}${day}`).getUTCDate() === Number(day);
}

/** ISO 8601 with its zone, as the broker and its SDKs write it. */
export const writtenTime = z
  .string()
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/)
  .describe("ISO 8601 with its zone");
