import { looksOf } from "./look-alike.js";
import { isBinaryTopic } from "./topic-bytes.js";

/**
 * The grammar of names and topics, one namespace for all dialects. An agent is reached at its name, a room at `#room`,
 * everybody at `all`, the broker at `$broker`.
 */

/** The topic that every agent online hears. */
export const everyone = "all";

/** The topic at which the broker answers requests; it is also its name as a sender. */
export const brokerTopic = "$broker";

/** The topic of informs about agents and rooms that come and go. */
export const eventsTopic = "$events";

/** The topic at which agents report of themselves. */
export const telemetryTopic = "$telemetry";

/**
 * What a topic stands for. `agent`: also a session that commands (Visualisation §1.4). `data`: a valid topic that cannot
 * be an agent's name.
 */
export type TopicKind = "agent" | "room" | "everyone" | "broker" | "data";

const reservedNames: ReadonlySet<string> = new Set(["all", "#all", "system", "server", "broker"]);
const reservedLooks: ReadonlySet<string> = new Set([...reservedNames].flatMap(looksOf));
/** ASCII names that may look like a reserved one, and all others: the rest is told apart in a tenth of the time. */
const mayLookReserved = /^(?:#?a[l1i|]{2}|syste(?:m|rn)|server|br[o0]ker)$|[^\0-\x7f]/i;
/** As long as a name can be that looks like a reserved one: each letter of `system` takes two places at most. */
const reservedMax = 14;
/**
 * How the names begin of sessions that command (Visualisation §1.4). They are of the broker's making, and no agent's.
 */
const controlPrefix = "control-";
const controlForm = /^control-[A-Za-z0-9_-]+$/;
/** ASCII names that look as if they began so. */
const asciiControl = /^c[o0]ntr[o0][l1i|]-/i;
const roomForm = /^#[A-Za-z0-9_\-.]{0,63}[A-Za-z0-9_-]$/u;
/**
 * Characters that are invisible, so that no name looks like another. They include ignorable letters and marks (Hangul
 * fillers, variation selectors) and the blank Braille pattern.
 */
const unprintable = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/u;
const notAscii = /[^\0-\x7f]/;
const plainAscii = /^[A-Za-z0-9_-]+$/;
/** Longest agent name, in bytes of UTF-8. */
export const agentNameMaxBytes = 128;

/** True for a name that no agent and no room may have, in upper or lower case, and for one that looks like it. */
export function isReserved(name: string): boolean {
  if (reservedNames.has(name) || seemsControl(name)) return true;
  if (name.length > reservedMax || !mayLookReserved.test(name)) return false;
  return looksOf(name).some((look) => reservedLooks.has(look));
}

/**
 * True for what begins as the names of sessions that command do, in any case, or looks as if it did: it is nobody's to
 * take or to hear. (Each letter of the prefix takes two places at most, and what follows does not matter.)
 */
export function seemsControl(name: string): boolean {
  if (asciiControl.test(name)) return true;
  const head = name.slice(0, 2 * controlPrefix.length);
  return notAscii.test(head) && looksOf(head).some((look) => look.startsWith(controlPrefix));
}

/** True for the name under which a session commands and is answered, in the broker's own spelling. */
export function isControlName(name: string): boolean {
  return name.length <= agentNameMaxBytes && controlForm.test(name);
}

function reservedProblem(name: string): string | undefined {
  if (!isReserved(name)) return undefined;
  if (name.toLowerCase().startsWith(controlPrefix)) return `begins with ${controlPrefix}, which is reserved`;
  return reservedNames.has(name.toLowerCase()) ? "is reserved" : "looks like a name that is reserved";
}

/** Why `name` cannot be an agent's name, or undefined if it can. */
export function agentNameProblem(name: string): string | undefined {
  if (name === "") return "is empty";
  if (plainAscii.test(name) && name.length <= agentNameMaxBytes) {
    return reservedProblem(name);
  }
  if (Buffer.byteLength(name) > agentNameMaxBytes) return `is longer than ${String(agentNameMaxBytes)} bytes`;
  if (/^[#@$~]/.test(name)) return "starts with # @ $ or ~";
  if (/[./:]$/.test(name)) return "ends in . / or :";
  if (unprintable.test(name)) return "contains unprintable characters";
  if (/^\s|\s$|\s\s|[^\S ]/u.test(name)) return "contains spaces other than single inner ones";
  if (name.normalize("NFC") !== name) return "is not in Unicode form NFC";
  const [first = ""] = name;
  if (looksOf(first).some((look) => /^[#@$~]/.test(look))) return "starts with what looks like # @ $ or ~";
  return reservedProblem(name);
}

/** True if `name` can be an agent's name. */
export function isAgentName(name: string): boolean {
  return agentNameProblem(name) === undefined;
}

/** True if `topic` is a room: `#` and 1–64 of `A-Z a-z 0-9 _ - .`, not ending in `.`, not `#all`. */
export function isRoom(topic: string): boolean {
  return roomForm.test(topic) && !isReserved(topic);
}

/** What `topic` stands for; undefined if nobody can be reached there (empty, too long, a reserved word). */
export function topicKind(topic: string): TopicKind | undefined {
  if (topic === everyone) return "everyone";
  if (isBinaryTopic(topic)) return "data";
  if (topic.startsWith("$")) return isPacked(topic) ? "data" : "broker";
  if (topic.startsWith("#")) return isRoom(topic) ? "room" : undefined;
  if (isAgentName(topic) || isControlName(topic)) return "agent";
  return topic === "" || isReserved(topic) || Buffer.byteLength(topic) > agentNameMaxBytes ? undefined : "data";
}

/** True for a topic whose messages are for one agent, or for the broker, and for nobody else. */
export function isDirect(topic: string): boolean {
  return topic === brokerTopic || topicKind(topic) === "agent";
}

/** What a ZeroMQ subscription asks for. Empty: everything. Ending in `.` `/` or `:`: all topics that begin so. */
export type SubscriptionKind = "exact" | "prefix" | "tap";

/**
 * The kind of a ZeroMQ subscription. What a program packed is exact, also where its last byte looks like a delimiter.
 */
export function subscriptionKind(subscription: string): SubscriptionKind {
  if (subscription === "") return "tap";
  return /[./:]$/.test(subscription) && !isPacked(subscription) ? "prefix" : "exact";
}

/** True for bytes that a program packed: what is no UTF-8, or holds a control character. They are data, and exact. */
export function isPacked(topic: string): boolean {
  return isBinaryTopic(topic) || /\p{Cc}/u.test(topic);
}
