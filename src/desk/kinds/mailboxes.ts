import { z } from "zod";
import { Fault, writtenTime } from "../../core/index.js";
import { mailStates, messageCount, messagesWait, peek, saidBy } from "../../mailbox/index.js";
import { flag, noList } from "../fields.js";
import { hasRight, kind } from "../kind.js";
import {
  box,
  cursor,
  defaultList,
  defaultTake,
  listed,
  listMax,
  message,
  takeMax,
  whole,
  whose,
  written,
} from "./mailbox-fields.js";
import { answerMaxBytes, mustKeepRooms, openerOf, ownBox } from "./mailbox-owner.js";

/** `mailbox.open`: from now on what is for the asker's name is kept for it. */
export const mailboxOpen = kind({
  request: z.strictObject({
    agent: whose,
    mode: z.enum(["push", "take"], "is push or take").exactOptional(),
    rooms: flag
      .describe("memberships in rooms outlive the WebSocket connection that joined; false if absent")
      .exactOptional(),
    keep_s: whole(1, 366 * 86_400)
      .describe("how long a message waits; 7 days if absent")
      .exactOptional(),
    max: whole(1, 1_000_000).describe("messages that wait at most").exactOptional(),
    max_bytes: whole(1_024, 1024 ** 3)
      .describe("their bytes at most")
      .exactOptional(),
  }),
  answer: box,
  right: undefined,
  length: noList,
  run: async (ask, { agent: name, mode, rooms, keep_s: keepS, max, max_bytes: maxBytes }) => {
    const opener = openerOf(ask, name);
    if (rooms === true && opener.isOperator !== true) mustKeepRooms(ask);
    const opened = await ask.mailboxes.open(opener, {
      ...(mode !== undefined && { mode }),
      ...(rooms !== undefined && { rooms }),
      ...(keepS !== undefined && { keepMs: keepS * 1_000 }),
      ...(max !== undefined && { max }),
      ...(maxBytes !== undefined && { maxBytes }),
    });
    const { name: of, counts } = opened;
    return { message: `${of} has a mailbox; ${messagesWait(counts.waiting)} in it`, data: listed(opened) };
  },
});

/** `mailbox.status`: what is in the asker's box. */
export const mailboxStatus = kind({
  request: z.strictObject({ agent: whose }),
  answer: box,
  right: undefined,
  length: noList,
  run: async (ask, { agent: name }) => {
    const mailbox = ownBox(ask, name);
    await mailbox.loaded(); // its oldest message may lie behind thousands of settled rows
    const { box: own } = mailbox;
    const status = ask.mailboxes.status(own.name);
    return { message: `${messagesWait(status.counts.waiting)} in the mailbox of ${own.name}`, data: listed(status) };
  },
});

/** `mailbox.close`: nothing more is kept for the name. */
export const mailboxClose = kind({
  request: z.strictObject({ agent: whose, discard: flag.describe("lose what waits in it").exactOptional() }),
  answer: z.object({ agent: z.string() }),
  right: undefined,
  length: noList,
  run: async (ask, { agent: name, discard = false }) => {
    const { box: own } = ownBox(ask, name);
    if (own.settings.trust !== "proved" && !hasRight(ask.viewer, "operate"))
      throw new Fault(
        "forbidden",
        `anybody can say that it is ${own.name}, so only the operator closes this mailbox: broker mailbox close ${own.name}`,
      );
    await ask.mailboxes.close(own.name, { discard, by: ask.asker });
    return { message: `${own.name} has no mailbox any more`, data: { agent: own.name } };
  },
});

/** `mailbox.peek`: looks at messages without taking them. */
export const mailboxPeek = kind({
  request: z.strictObject({
    agent: whose,
    after: cursor.describe("next of an earlier answer; from the beginning if absent").exactOptional(),
    max: whole(1, takeMax)
      .describe(`messages at most; ${String(defaultTake)} if absent`)
      .exactOptional(),
    dead: flag.describe("those that could not be delivered, instead of those that wait").exactOptional(),
  }),
  answer: z.object({
    messages: z.array(
      z.object({
        state: z.enum(mailStates),
        reason: z.string().exactOptional(),
        attempts: z.int(),
        until: writtenTime,
        message,
      }),
    ),
    next: cursor,
    gap: z.literal(true).describe("the cursor is of another epoch; these are from the beginning").exactOptional(),
  }),
  right: undefined,
  length: (_ask, { max = defaultTake }) => max,
  run: async (ask, { agent: name, after, max = defaultTake, dead = false }) => {
    const mailbox = ownBox(ask, name);
    await mailbox.loaded();
    const page = peek(ask.mailboxes.store, mailbox.box, { after, max, maxBytes: answerMaxBytes(ask), dead });
    const messages = page.messages.map(({ state, reason, attempts, until, envelope }) => ({
      state,
      ...(reason !== undefined && { reason }),
      attempts,
      until: new Date(until).toISOString(),
      message: written(envelope),
    }));
    return {
      message: messageCount(messages.length),
      data: { messages, next: page.next, ...(page.gap && { gap: true as const }) },
    };
  },
});

/** `mailbox.state`: where the asker's own message stands, in whichever boxes it lies. */
export const mailboxState = kind({
  request: z.strictObject({ message_id: z.string("is missing; it is the id of a message of yours").min(1).max(256) }),
  answer: z.object({
    deliveries: z
      .array(
        z.object({
          to: z.string(),
          state: z.enum(mailStates),
          reason: z.string().exactOptional(),
          stored_at: writtenTime,
          until: writtenTime.describe("it is delivered until then"),
          here: z.boolean().describe("its owner is connected"),
          away_since: writtenTime.describe("its owner is away, and was connected last then").exactOptional(),
        }),
      )
      .describe("of many messages with this id, 200 of the last"),
  }),
  right: undefined,
  length: noList,
  run: async ({ mailboxes, asker, viewer }, { message_id: id }) => {
    await mailboxes.taken(asker);
    const { kept } = await mailboxes.written(); // from now on the store knows what came in this turn, too
    const rows = saidBy(mailboxes.store, asker, viewer, id);
    if (rows.length > 0) await kept; // what is told to be stored is on the disk
    const deliveries = rows.flatMap((row) => {
      const mailbox = mailboxes.byId(row.box);
      if (mailbox === undefined) return [];
      const { awaySince, name } = mailbox.box.settings;
      return [
        {
          to: name,
          state: row.state,
          ...(row.reason !== undefined && { reason: row.reason }),
          stored_at: new Date(row.storedAt).toISOString(),
          until: new Date(row.until).toISOString(),
          here: mailbox.isHere,
          ...(awaySince !== undefined && { away_since: new Date(awaySince).toISOString() }),
        },
      ];
    });
    const states = deliveries.map(({ to, state }) => `${state} for ${to}`).join(", ");
    return { message: states === "" ? "no mailbox has it" : states, data: { deliveries } };
  },
});

/** `mailbox.list`: the boxes of all, for the operator, page by page. */
export const mailboxList = kind({
  request: z.strictObject({
    after: z.string("is a name").describe("next of an earlier answer; from the first name if absent").exactOptional(),
    max: whole(1, listMax)
      .describe(`boxes at most; ${String(defaultList)} if absent`)
      .exactOptional(),
  }),
  answer: z.object({
    mailboxes: z.array(box).describe("in the order of their names"),
    next: z.string().describe("more follow behind this name: ask again from there").exactOptional(),
  }),
  right: "operate",
  length: (_ask, { max = defaultList }) => max,
  run: ({ mailboxes }, { after, max = defaultList }) => {
    const { boxes, isMore } = mailboxes.page({ after, max });
    const last = isMore ? boxes.at(-1)?.name : undefined;
    return {
      message: `${String(boxes.length)} of ${String(mailboxes.size)} mailboxes`,
      data: { mailboxes: boxes.map(listed), ...(last !== undefined && { next: last }) },
    };
  },
});
