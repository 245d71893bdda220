import type { Agent } from "../../clients/typescript/agent/index.js";
import { asFault, Fault, similar } from "../core/index.js";
import type { ListedBox } from "./mail-text.js";
import { askBroker } from "./operator.js";

/** What `mailbox.list` answers. */
interface Listed {
  readonly mailboxes: readonly ListedBox[];
  readonly next?: string;
}

/** All mailboxes, by name; asked for page by page. */
export async function listBoxes(operator: Agent): Promise<readonly ListedBox[]> {
  const all: ListedBox[] = [];
  let after: string | undefined;
  do {
    const { content } = await askBroker(operator, "mailbox.list", after === undefined ? {} : { after });
    const { mailboxes, next } = content.data as Listed; // this package's own broker
    all.push(...mailboxes);
    after = next;
  } while (after !== undefined);
  return all;
}

/**
 * Asks about one mailbox.
 * @throws Fault not-found, with the name that was probably meant; what else the broker says
 */
export async function askBox<T>(
  operator: Agent,
  kind: string,
  agent: string,
  fields: Readonly<Record<string, unknown>> = {},
): Promise<T> {
  try {
    return (await askBroker(operator, kind, { agent, ...fields })).content.data as T; // this package's own broker
  } catch (thrown) {
    if (asFault(thrown).code !== "not-found") throw thrown;
    const names = (await listBoxes(operator)).map((box) => box.agent);
    const meant = similar(agent, names);
    throw new Fault(
      "not-found",
      `${agent} has no mailbox; ` +
        (meant === undefined ? "broker mailbox list shows those there are, " : `did you mean ${meant}? If not, `) +
        `broker mailbox open ${agent} opens one`,
    );
  }
}
