import type { Command } from "commander";
import type { Agent } from "../../../clients/typescript/agent/index.js";
import { Fault } from "../../core/index.js";
import { askBox, listBoxes } from "../boxes.js";
import { outputWidth } from "../columns.js";
import { boxTable, boxText, deadTable, messageTable, type ListedBox, type PeekedMessage } from "../mail-text.js";
import { asOperator, type BrokerChoice } from "../operator.js";
import { printRows, say, type Output } from "../output.js";
import { count } from "../quantities.js";
import { boxCommands } from "./mailbox-changes.js";
import { salvageCommand } from "./mailbox-salvage.js";

/** What the commands share that look at messages. */
interface Looks extends BrokerChoice, Output {
  readonly after?: string;
  readonly max: number;
  readonly dead?: true;
}

interface Takes extends BrokerChoice, Output {
  readonly max: number;
  readonly done?: true;
  readonly release?: true;
}

/** Messages that are shown, or taken, if nothing else is said. */
const shownMax = "20";
/** Messages that one question asks for at most. */
const askedMax = 1_000;

/** `broker mailbox …`: what waits for whom, for the operator. */
export function mailboxCommand(program: Command): void {
  const mailbox = program
    .command("mailbox")
    .description("what waits for agents that are away: list, look, take, open, close, deliver again")
    .addHelpText("after", "\nOn a terminal tables; into a pipe or a file, or with --json, a line of JSON for each.");
  mailbox
    .command("list")
    .description("list all mailboxes: whose owner is here, and how much waits in each")
    .action(async (_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<BrokerChoice & Output>();
      const boxes = await asOperator(options, listBoxes);
      if (boxes.length === 0) say("there are no mailboxes; broker mailbox open NAME opens one");
      await printRows(options, boxes, (all) => boxTable(all, Date.now(), outputWidth()));
    });
  mailbox
    .command("show")
    .argument("<name>", "whose mailbox")
    .description("show one mailbox: its owner, what is in it, its bounds")
    .action(async (name: string, _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<BrokerChoice & Output>();
      const box = await asOperator(options, (operator) => askBox<ListedBox>(operator, "mailbox.status", name));
      await printRows(options, [box], () => boxText(box, Date.now(), outputWidth()));
    });
  looks(mailbox.command("peek"))
    .option("--dead", "those that could not be delivered, instead of those that wait")
    .description("look at messages that wait, oldest first; nothing changes by that")
    .action(async (name: string, _options: unknown, command: Command) => {
      await peek(name, command.optsWithGlobals<Looks>());
    });
  looks(mailbox.command("dead"))
    .description("look at messages that could not be delivered, and why")
    .action(async (name: string, _options: unknown, command: Command) => {
      await peek(name, { ...command.optsWithGlobals<Looks>(), dead: true });
    });
  mailbox
    .command("take")
    .argument("<name>", "whose mailbox")
    .description("take messages in the place of their owner, the most urgent first, and print them")
    .option("--max <n>", "so many at most", count, Number(shownMax))
    .option("--done", "they are done with: nobody else gets them")
    .option("--release", "give them back at once")
    .action(async (name: string, _options: unknown, command: Command) => {
      await take(name, command.optsWithGlobals<Takes>());
    });
  boxCommands(mailbox);
  salvageCommand(mailbox);
}

function looks(command: Command): Command {
  return command
    .argument("<name>", "whose mailbox")
    .option("--after <cursor>", "those behind this: EPOCH:NUMBER, which the last look has told")
    .option("--max <n>", "so many at most", count, Number(shownMax));
}

interface Cursor {
  readonly epoch: string;
  readonly seq: number;
}

interface Page {
  readonly messages: readonly PeekedMessage[];
  readonly next: Cursor;
  readonly gap?: true;
}

async function peek(name: string, options: Looks): Promise<void> {
  const { dead = false } = options;
  const after = options.after === undefined ? undefined : cursorOf(options.after);
  const { found, next } = await asOperator(options, (operator) => lookAt(operator, name, { ...options, dead, after }));
  if (found.length === 0) say(dead ? `nothing is dead in the mailbox of ${name}` : `nothing waits for ${name}`);
  await printRows(options, found, (all) => (dead ? deadTable : messageTable)(all, Date.now(), outputWidth()));
  if (next !== undefined) say(`there may be more: --after ${next.epoch}:${next.seq}`);
  if (dead && found.length > 0) say(`broker mailbox redeliver ${name} ID… delivers them again`);
}

/** Messages of a mailbox, by as many questions as it takes. `next`: behind it there may be more. */
async function lookAt(
  operator: Agent,
  name: string,
  { after, max, dead }: { readonly after: Cursor | undefined; readonly max: number; readonly dead: boolean },
): Promise<{ readonly found: readonly PeekedMessage[]; readonly next?: Cursor }> {
  const found: PeekedMessage[] = [];
  let next = after;
  do {
    const page: Page = await askBox(operator, "mailbox.peek", name, {
      max: Math.min(max - found.length, askedMax),
      ...(dead && { dead }),
      ...(next !== undefined && { after: next }),
    });
    if (page.gap === true)
      throw new Fault(
        "not-found",
        "this cursor is of another epoch: the mailboxes were restored or repaired since; begin without --after",
      );
    if (page.messages.length === 0) return { found };
    found.push(...page.messages);
    next = page.next;
  } while (found.length < max);
  return { found, next };
}

/** @throws Fault malformed */
function cursorOf(text: string): Cursor {
  const [, epoch, seq] = /^([0-9a-f]+):(\d+)$/.exec(text) ?? [];
  if (epoch === undefined || seq === undefined)
    throw new Fault("malformed", `--after ${text}: a cursor is EPOCH:NUMBER, which the last look has told`);
  return { epoch, seq: Number(seq) };
}

/** Messages are printed before they are settled: if that fails, they come again. */
async function take(name: string, options: Takes): Promise<void> {
  const { done, release, max } = options;
  if (done === true && release === true)
    throw new Fault("malformed", "--done and --release exclude each other: say one of them");
  await asOperator(options, async (operator) => {
    const ids: string[] = [];
    for (;;) {
      const { messages } = await askBox<{ readonly messages: readonly PeekedMessage["message"][] }>(
        operator,
        "mailbox.take",
        name,
        { max: Math.min(max - ids.length, askedMax) },
      );
      const taken = messages.map((message) => ({ state: "leased", attempts: 0, until: "", message }));
      await printRows(options, messages, () => messageTable(taken, Date.now(), outputWidth()));
      const these = messages.flatMap(({ $broker }) => $broker?.delivery_id ?? []);
      if (done === true && these.length > 0) await askBox(operator, "mailbox.done", name, { ids: these });
      ids.push(...these);
      if (messages.length === 0 || ids.length >= max) break;
    }
    if (release === true)
      for (let at = 0; at < ids.length; at += askedMax)
        await askBox(operator, "mailbox.release", name, { ids: ids.slice(at, at + askedMax) });
    if (ids.length === 0) {
      const { leased } = await askBox<{ readonly leased: number }>(operator, "mailbox.status", name);
      const held = `; ${leased} are taken and not settled: broker mailbox release ${name} frees them, or the end of their lease`;
      say(`nothing waits for ${name} that can be taken${leased === 0 ? "" : held}`);
    }
    if (ids.length > 0 && done !== true && release !== true)
      say(`${ids.length} taken, for two minutes: then they wait again, because neither --done nor --release was said`);
  });
}
