import type { Command } from "commander";
import type { Agent } from "../../../clients/typescript/agent/index.js";
import { agoText, fittedTable, outputWidth } from "../columns.js";
import { asOperator, askBroker, type BrokerChoice } from "../operator.js";
import { print, printRows, say, type Output } from "../output.js";

/** A pair as `contacts.list` tells it. */
interface ListedPair {
  readonly agents: readonly [string, string];
  /** ISO 8601 */
  readonly since: string;
}

/** What `contacts.list` answers. */
interface Page {
  readonly contacts: readonly ListedPair[];
  /** False: no dialect looks at the list now. */
  readonly listed: boolean;
  readonly next?: readonly [string, string];
}

/** Pairs that one question asks for. */
const pageMax = 1_000;

const open =
  "contacts are open in every dialect now, so that the list does not count; " +
  '"contacts": "listed" in the settings of a dialect makes it count, ' +
  "which Agent Network has from broker start --agent-network-contacts listed";

/** `broker contacts …`: which agents may have to do with each other, for the operator. */
export function contactsCommand(program: Command): void {
  const contacts = program
    .command("contacts")
    .description("which agents may have to do with each other, where a dialect keeps a list of that")
    .addHelpText("after", "\nA pair counts both ways, at once and for good; the audit log has a line of each change.");
  changing(contacts, "add", "approve two agents as contacts of each other");
  changing(contacts, "remove", "take that back: what they say to each other is refused from now on");
  contacts
    .command("list")
    .argument("[agent]", "only the contacts of this agent")
    .description("list the pairs that were approved")
    .action(async (agent: string | undefined, _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<BrokerChoice & Output>();
      const { contacts: pairs, listed } = await asOperator(options, (operator) => listPairs(operator, agent));
      if (pairs.length === 0)
        say(
          `${agent === undefined ? "nobody has" : `${agent} has no`} contacts; broker contacts add ONE OTHER approves two`,
        );
      if (!listed) say(open);
      await printRows(options, pairs, (all) => pairTable(all, Date.now(), outputWidth()));
    });
}

function changing(contacts: Command, word: "add" | "remove", description: string): void {
  contacts
    .command(word)
    .argument("<agent>", "one of the two")
    .argument("<other>", "the other")
    .description(description)
    .action(async (agent: string, other: string, _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<BrokerChoice & Output>();
      const { content } = await asOperator(options, (operator) =>
        askBroker(operator, `contacts.${word}`, { agent, other }),
      );
      print(options, content.data, () => content.message);
    });
}

/** All pairs, page by page, or those of one agent. */
async function listPairs(operator: Agent, agent: string | undefined): Promise<Page> {
  const all: ListedPair[] = [];
  let after: Page["next"];
  for (;;) {
    const { content } = await askBroker(operator, "contacts.list", {
      ...(agent === undefined ? { max: pageMax } : { agent }),
      ...(after !== undefined && { after }),
    });
    const page = content.data as Page; // this package's own broker
    all.push(...page.contacts);
    if (page.next === undefined) return { contacts: all, listed: page.listed };
    after = page.next;
  }
}

function pairTable(pairs: readonly ListedPair[], now: number, width: number | undefined): string {
  return fittedTable(
    [{ heading: "AGENT", cuts: true }, { heading: "CONTACT", cuts: true }, { heading: "SINCE" }],
    pairs.map(({ agents: [one, other], since }) => [one, other, agoText(since, now)]),
    width,
  );
}
