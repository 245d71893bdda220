import { z } from "zod";
import { messageCount, type Mailbox, type Named } from "../../mailbox/index.js";
import { noList } from "../fields.js";
import { kind } from "../kind.js";
import { defaultTake, hourMs, ids, message, named, takeMax, whole, whose, written } from "./mailbox-fields.js";
import { answerMaxBytes, ownBox } from "./mailbox-owner.js";

/*
 * The kinds by which an owner takes messages out of its box, and says what became of each.
 */

/** `mailbox.take`: leases messages, the most urgent first; waits for the first one, if that is asked. */
export const mailboxTake = kind({
  request: z.strictObject({
    agent: whose,
    max: whole(1, takeMax)
      .describe(`messages at most; ${String(defaultTake)} if absent`)
      .exactOptional(),
    max_tokens: whole(1, Number.MAX_SAFE_INTEGER)
      .describe("about so many tokens at most, of four bytes")
      .exactOptional(),
    max_bytes: whole(1, Number.MAX_SAFE_INTEGER)
      .describe("bytes at most; one message comes in any case")
      .exactOptional(),
    wait_ms: whole(0, 30_000).describe("wait so long until there is one; 0 if absent").exactOptional(),
    lease_ms: whole(1_000, hourMs).describe("for how long they are yours; 120,000 if absent").exactOptional(),
  }),
  answer: z.object({ messages: z.array(message) }),
  right: undefined,
  length: noList,
  waits: ({ wait_ms: waitMs = 0 }) => waitMs,
  run: async (
    ask,
    { agent: name, max = defaultTake, max_tokens: maxTokens, max_bytes: maxBytes, lease_ms: leaseMs },
    until,
  ) => {
    const own = ownBox(ask, name);
    await own.loaded();
    const envelopes = await own.taking.take({
      max,
      maxTokens,
      maxBytes: Math.min(maxBytes ?? Infinity, answerMaxBytes(ask)),
      leaseMs: leaseMs ?? ask.mailboxes.leaseMs,
      until,
    });
    return { message: takenText(own.box, envelopes.length), data: { messages: envelopes.map(written) } };
  },
});

/** `mailbox.done`: what was taken is done with. */
export const mailboxDone = kind({
  request: z.strictObject({ agent: whose, ids }),
  answer: named,
  right: undefined,
  length: (_ask, fields) => fields.ids.length,
  run: (ask, fields) => results(ownBox(ask, fields.agent), fields.ids, (taking, ids) => taking.done(ids)),
});

/** `mailbox.extend`: the leases begin anew. */
export const mailboxExtend = kind({
  request: z.strictObject({
    agent: whose,
    ids,
    lease_ms: whole(1_000, hourMs).describe("from now; 120,000 if absent").exactOptional(),
  }),
  answer: named,
  right: undefined,
  length: (_ask, fields) => fields.ids.length,
  run: (ask, fields) =>
    results(ownBox(ask, fields.agent), fields.ids, (taking, ids) =>
      taking.extend(ids, fields.lease_ms ?? ask.mailboxes.leaseMs),
    ),
});

/** `mailbox.release`: gives messages back, at once or after a pause; a pause uses up one of five attempts. */
export const mailboxRelease = kind({
  request: z.strictObject({
    agent: whose,
    ids,
    delay_ms: whole(0, hourMs).describe("not again before; 0 if absent").exactOptional(),
  }),
  answer: named,
  right: undefined,
  length: (_ask, fields) => fields.ids.length,
  run: (ask, fields) =>
    results(ownBox(ask, fields.agent), fields.ids, (taking, ids) => taking.release(ids, fields.delay_ms ?? 0)),
});

/** `mailbox.refuse`: it is nothing for this agent; who sent it is told why. */
export const mailboxRefuse = kind({
  request: z.strictObject({
    agent: whose,
    ids,
    reason: z.string("is a text").max(256, "has 256 characters at most").describe("for the sender").exactOptional(),
  }),
  answer: named,
  right: undefined,
  length: (_ask, fields) => fields.ids.length,
  run: (ask, fields) =>
    results(ownBox(ask, fields.agent), fields.ids, (taking, ids) => taking.refuse(ids, fields.reason)),
});

/** `mailbox.redeliver`: dead messages wait again. */
export const mailboxRedeliver = kind({
  request: z.strictObject({ agent: whose, ids }),
  answer: named,
  right: undefined,
  length: (_ask, fields) => fields.ids.length,
  run: async (ask, fields) => {
    const own = ownBox(ask, fields.agent);
    const { name: agent, counts } = own.box;
    let messages = 0;
    const answer = await results(own, fields.ids, (taking, ids) => {
      const before = counts.dead;
      const named = taking.redeliver(ids);
      messages += before - counts.dead;
      return named;
    });
    if (messages > 0) ask.mailboxes.witness({ event: "mailbox.redelivered", agent, by: ask.asker, messages });
    return answer;
  },
});

/** How many were taken; who takes none out of a box in push mode mostly does not know that it is in it. */
function takenText({ name, settings }: Mailbox["box"], count: number): string {
  const counted = messageCount(count);
  if (count > 0 || settings.mode === "take") return counted;
  return (
    `${counted}: the mailbox of ${name} is in push mode, in which what waits comes by itself to whoever of its name is ` +
    `connected; to take it, say mailbox.open with mode take (broker mailbox open ${name} --mode take)`
  );
}

/** Does something to deliveries, and tells where they stand then, once that is written. @throws Fault unavailable */
async function results(
  mailbox: Mailbox,
  ids: readonly string[],
  run: (taking: Mailbox["taking"], some: readonly string[]) => readonly Named[],
) {
  await mailbox.loaded();
  const all = await mailbox.taking.inSlices(ids, run);
  const unknown = all.filter(({ state }) => state === "unknown").length;
  const message = unknown === 0 ? "done" : `not in the mailbox: ${String(unknown)} of these deliveries`;
  return { message, data: { results: all.map(({ deliveryId, state }) => ({ delivery_id: deliveryId, state })) } };
}
