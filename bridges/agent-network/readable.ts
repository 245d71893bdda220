import { isContentOf, isFields, type ContentOf, type Fields } from "./contents.js";

/** A value in a text for people, characters at most; the whole stands in `content.data`. */
const valueMax = 200;
const listedMax = 8;
const fieldsMax = 12;

/** What a message of Agent Network says, as text for people and models of other dialects (Agent Network §4.2). */
export function readableText(type: string, content: Fields): string {
  switch (type) {
    case "QUERY":
      if (isContentOf(type, content)) return queryText(content);
      break;
    case "RESPONSE":
      if (isContentOf(type, content)) return responseText(content);
      break;
    case "PROPOSAL":
      if (isContentOf(type, content)) return proposalText(content);
      break;
    case "CONFIRMATION":
      if (isContentOf(type, content)) return confirmationText(content);
      break;
    case "REJECTION":
      if (isContentOf(type, content)) return rejectionText(content);
      break;
  }
  const { text } = content;
  return typeof text === "string" ? text : `${clipped(type)}${listed(content)}`;
}

function queryText({ queryType, parameters }: ContentOf<"QUERY">): string {
  const { text } = parameters;
  return typeof text === "string" && queryType === "CUSTOM"
    ? text
    : `asks for ${clipped(queryType)}${listed(parameters)}`;
}

function responseText({ data, error }: ContentOf<"RESPONSE">): string {
  if (error != null) return errorText(error);
  if (typeof data === "string") return data;
  if (!isFields(data)) return `answers: ${shown(data ?? null)}`;
  return typeof data["text"] === "string" ? data["text"] : `answers${listed(data)}`;
}

function proposalText({ proposalId, details }: ContentOf<"PROPOSAL">): string {
  const { title, description, startTime, endTime, location, meetingType, participants, status, expiresAt } = details;
  const what = isSaid(title) ? `"${shown(title)}"` : "a meeting";
  const parts = [
    isSaid(startTime) && (isSaid(endTime) ? `from ${time(startTime)} to ${time(endTime)}` : `at ${time(startTime)}`),
    isSaid(location) && `at ${place(location)}`,
    isSaid(meetingType) && `type ${shown(meetingType)}`,
    isSaid(participants) && `with ${shown(participants)}`,
    isSaid(status) && status !== "PENDING" && `status ${shown(status)}`,
    isSaid(expiresAt) && `to be answered by ${time(expiresAt)}`,
  ].filter((part) => part !== false);
  const about = isSaid(description) ? `. ${shown(description)}` : "";
  return `proposes ${what} (${clipped(proposalId)})${parts.length === 0 ? "" : `: ${parts.join(", ")}`}${about}`;
}

function confirmationText({ proposalId, status, calendarEventId }: ContentOf<"CONFIRMATION">): string {
  const event = isSaid(calendarEventId) ? `, calendar event ${shown(calendarEventId)}` : "";
  return status === "ACCEPTED"
    ? `accepts the proposal ${clipped(proposalId)}${event}`
    : `confirms the proposal ${clipped(proposalId)} as ${clipped(status)}${event}`;
}

function rejectionText({ proposalId, reason, details }: ContentOf<"REJECTION">): string {
  const why = Object.hasOwn(rejections, reason) ? `${rejections[reason] ?? ""} (${reason})` : clipped(reason);
  return `declines the proposal ${clipped(proposalId)}: ${why}${isSaid(details) ? `: ${shown(details)}` : ""}`;
}

/** The document's reasons for a rejection. */
const rejections: Readonly<Record<string, string>> = {
  SCHEDULE_CONFLICT: "it conflicts with the schedule",
  LOCATION_UNSUITABLE: "the location is not suitable",
  TIME_UNSUITABLE: "the time is not suitable",
  USER_DECLINED: "the user declined",
  OTHER: "for another reason",
};

/** The document's codes of a query that could not be answered. */
const errors: Readonly<Record<string, string>> = {
  UNAVAILABLE_DATA: "the data is not available",
  PERMISSION_DENIED: "the asker may not have it",
  INVALID_PARAMETERS: "the parameters are not valid",
  INTERNAL_ERROR: "something went wrong",
};

function errorText({ code, message }: { readonly code: string; readonly message: string }): string {
  const why = message !== "" ? clipped(message) : Object.hasOwn(errors, code) ? errors[code] : undefined;
  return `cannot answer (${clipped(code)})${why === undefined ? "" : `: ${why}`}`;
}

function place(location: unknown): string {
  if (!isFields(location)) return shown(location);
  const { name, address } = location;
  const words = [name, address].filter(isSaid).map(shown);
  return words.length === 0 ? shown(location) : words.join(", ");
}

/** Times of the document are texts or milliseconds since 1970. */
function time(value: unknown): string {
  if (typeof value !== "number") return shown(value);
  const at = new Date(value);
  return Number.isNaN(at.getTime()) ? String(value) : at.toISOString();
}

function listed(fields: Fields): string {
  const names = Object.keys(fields);
  if (names.length === 0) return "";
  const parts = names.slice(0, fieldsMax).map((name) => `${clipped(name)} ${shown(fields[name])}`);
  return `: ${parts.join(", ")}${more(names.length - fieldsMax)}`;
}

function shown(value: unknown): string {
  if (typeof value === "string") return clipped(value);
  if (!Array.isArray(value)) return clipped(JSON.stringify(value));
  const items: readonly unknown[] = value;
  const plain = items.slice(0, listedMax).map((item) => (typeof item === "string" ? item : JSON.stringify(item)));
  return clipped(plain.join(", ")) + more(items.length - listedMax);
}

function more(count: number): string {
  return count > 0 ? ` and ${String(count)} more` : "";
}

/** True for what is there and says something. */
function isSaid(value: unknown): boolean {
  return value !== undefined && value !== null && value !== "";
}

/** The beginning of a text, whose last character is whole. */
function clipped(text: string): string {
  if (text.length <= valueMax) return text;
  const end = text.charCodeAt(valueMax - 1);
  return `${text.slice(0, end >= 0xd800 && end <= 0xdbff ? valueMax - 1 : valueMax)}…`;
}
