import type { Agent } from "../../clients/typescript/agent/index.js";
import { asFault, Fault, similar } from "../core/index.js";
import type { ListedBox } from "./mail-text.js";
import { askBroker } from "./operator.js";

/** All mailboxes, by name. */
export async function listBoxes(operator: Agent): Promise<readonly ListedBox[]> {
  const { content } = await askBroker(operator, "mailbox.list");
  const { mailboxes } = content.data as { readonly mailboxes: readonly ListedBox[] }; // this package's own broker
  return mailboxes.toSorted(({ agent: one }, { agent: other }) => (one < other ? -1 : 1));
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
