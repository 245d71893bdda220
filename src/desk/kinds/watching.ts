import { z } from "zod";
import { Fault, meaningOf, messageTypes, remedyFor, shownTopic, writtenTime, writtenTrust } from "../../core/index.js";
import type { TracedHead } from "../../telemetry/message-trace.js";
import { agent, noFields, noList } from "../fields.js";
import { kind, type Ask } from "../kind.js";
import type { OpenConnection, Office } from "../office.js";

const traceMax = 1_000;
const defaultTrace = 100;
const aTrace = `is a whole number from 1 to ${traceMax}`;
const id = z.string("is a text").min(1, "is empty").max(256, "is longer than 256 characters");

const head = z.object({
  at: writtenTime,
  message_id: z.string(),
  from: z.string(),
  to: z.string().describe("the topic"),
  type: z.enum(messageTypes),
  priority: z.enum(["LOW", "NORMAL", "HIGH"]),
  in_reply_to: z.string().exactOptional(),
  conversation_id: z.string().exactOptional(),
  trust: writtenTrust.exactOptional(),
});

/** `trace`: what the broker has passed on lately, by its head; for the operator. */
export const trace = kind({
  request: z.strictObject({
    message_id: id.describe("the message itself, and what answers it").exactOptional(),
    agent: agent.describe("who said it, or to whom").exactOptional(),
    count: z
      .int(aTrace)
      .min(1, aTrace)
      .max(traceMax, aTrace)
      .describe(`the newest; ${defaultTrace} if absent`)
      .exactOptional(),
  }),
  answer: z.object({ messages: z.array(head).describe("of the last 10,000 that were looked at; oldest first") }),
  right: "operate",
  length: (_ask, { count = defaultTrace }) => count,
  run: (ask, { message_id: messageId, agent: name, count = defaultTrace }) => {
    const messages = officeOf(ask).trace({ messageId, agent: name, count }).map(writtenHead);
    return {
      message:
        messages.length > 0
          ? messages.map(({ from, to, type }) => `${from} → ${shownTopic(to)} (${type})`).join("\n")
          : "nothing of this is among the last 10,000 messages that were looked at; what ZeroMQ agents say to each " +
            "other passes as bytes, and what is sealed is not noted",
      data: { messages },
    };
  },
});

function writtenHead({
  at,
  messageId,
  to,
  inReplyTo,
  conversationId,
  trust,
  ...rest
}: TracedHead): z.output<typeof head> {
  return {
    at: new Date(at).toISOString(),
    message_id: messageId,
    ...rest,
    to: shownTopic(to),
    ...(inReplyTo !== undefined && { in_reply_to: inReplyTo }),
    ...(conversationId !== undefined && { conversation_id: conversationId }),
    ...(trust !== undefined && { trust }),
  };
}

const loss = z.object({
  reason: z.string(),
  count: z.int().min(1),
  meaning: z.string().describe("absent for a word of a dialect from elsewhere").exactOptional(),
  remedy: z.string().describe("absent: nothing has to be done, or the log says what").exactOptional(),
});
const slow = z.object({ agent: z.string(), dialect: z.string(), dropped: z.int().min(1) });
/** Agents that lose most, at most. */
const slowMax = 100;

/** `losses`: what was refused, dropped or cut since the start, why, and what helps; for the operator. */
export const losses = kind({
  request: noFields,
  answer: z.object({
    losses: z.array(loss).describe("most frequent first"),
    agents: z.array(slow).describe("connections that are open and have lost messages by being slow; the worst first"),
  }),
  right: "operate",
  length: noList,
  run: (ask) => {
    const office = officeOf(ask);
    const counted = Object.entries(office.reasons())
      .sort(([, one], [, other]) => other - one)
      .map(([reason, count]) => lossOf(reason, count));
    const agents = slowest(office.connections());
    const lines = [
      ...counted.map(({ reason, count, meaning, remedy }) =>
        [`${count} ${reason}`, ...(meaning === undefined ? [] : [meaning]), ...(remedy ? [`→ ${remedy}`] : [])].join(
          " · ",
        ),
      ),
      ...agents.map(({ agent: name, dropped }) => `${name} is slow: ${dropped} messages for it were dropped`),
    ];
    return { message: lines.length === 0 ? "nothing was lost" : lines.join("\n"), data: { losses: counted, agents } };
  },
});

function lossOf(reason: string, count: number): z.output<typeof loss> {
  const [meaning, remedy] = [meaningOf(reason), remedyFor(reason)];
  return { reason, count, ...(meaning !== undefined && { meaning }), ...(remedy !== undefined && { remedy }) };
}

function slowest(connections: Iterable<OpenConnection>): z.output<typeof slow>[] {
  const found: z.output<typeof slow>[] = [];
  for (const { agent: name, dialect, dropped } of connections)
    if (dropped > 0 && name !== undefined) found.push({ agent: name, dialect, dropped });
  return found.sort((one, other) => other.dropped - one.dropped).slice(0, slowMax);
}

const refusedLogin = z.object({
  dialect: z.string(),
  remote: z.string().describe("the address of the last"),
  code: z.string(),
  agent: z.string().describe("the name that the last asked for").exactOptional(),
  count: z.int().min(1),
  first: writtenTime,
  last: writtenTime,
});

/** `logins.refused`: the last logins that were refused; for the operator. */
export const loginsRefused = kind({
  request: noFields,
  answer: z.object({
    logins: z.array(refusedLogin).describe("newest first; those of one network, dialect and code are one"),
  }),
  right: "operate",
  length: noList,
  run: (ask) => {
    const logins = officeOf(ask)
      .refusedLogins()
      .map(({ agent: name, first, last, ...rest }) => ({
        ...rest,
        ...(name !== undefined && { agent: name }),
        first: new Date(first).toISOString(),
        last: new Date(last).toISOString(),
      }));
    const lines = logins.map(
      ({ agent: name, code, count, dialect, last, remote }) =>
        `${last} ${dialect} ${remote} ${code}${name === undefined ? "" : ` as ${JSON.stringify(name)}`}${count > 1 ? ` (${count} times)` : ""}`,
    );
    return { message: lines.length === 0 ? "no login was refused" : lines.join("\n"), data: { logins } };
  },
});

const dayMs = 86_400_000;
const certificate = z.object({
  subject: z.string(),
  issuer: z.string(),
  hosts: z.array(z.string()).describe("the names and addresses that it is good for"),
  fingerprint: z.string().describe("SHA-256"),
  valid_from: writtenTime,
  valid_to: writtenTime,
  days_left: z.int().describe("below 0: it has expired"),
});

/** `certificates`: the TLS certificate of the WebSocket doors; for the operator. */
export const certificates = kind({
  request: noFields,
  answer: z.object({ certificates: z.array(certificate).describe("empty: the doors are clear text") }),
  right: "operate",
  length: noList,
  run: (ask) => {
    const office = officeOf(ask);
    const known = office.certificate();
    if (known === undefined)
      return {
        message: "the WebSocket doors are clear text: there is no certificate (--tls-cert, --tls-key)",
        data: { certificates: [] },
      };
    const { subject, issuer, hosts, fingerprint, validFrom, validTo } = known;
    const daysLeft = Math.floor((validTo.getTime() - office.now()) / dayMs);
    const one = {
      subject,
      issuer,
      hosts,
      fingerprint,
      valid_from: validFrom.toISOString(),
      valid_to: validTo.toISOString(),
      days_left: daysLeft,
    };
    const state = daysLeft < 0 ? "has expired" : `is valid for ${daysLeft} more days`;
    return {
      message: `${subject} (${hosts.join(", ")}) ${state}, until ${one.valid_to}`,
      data: { certificates: [one] },
    };
  },
});

/** What only the operator is told. @throws Fault unsupported */
export function officeOf({ office }: Ask): Office {
  if (office === undefined) throw new Fault("unsupported", "this broker keeps no such records");
  return office;
}
