import { mustBeFree, type ByFiles } from "./identity-in-use.js";
import { readOwnIdentity } from "./identity-read.js";
import type { WhoOptions } from "./options.js";

/** Who a command is at a server. */
export interface Caller {
  readonly name: string;
  /** Path of the identity file. */
  readonly identity?: string;
}

/**
 * Who the options say one is; an identity is looked at first.
 * @throws CommandFailure if a daemon of this folder has it at that server; AgentChatError if it cannot be read
 */
export async function callerOf(url: string, { name, identity, force }: WhoOptions, byFiles: ByFiles): Promise<Caller> {
  if (identity === undefined) return { name: name ?? `agent-${process.pid}` };
  if (force !== true) await mustBeFree(identity, url, { byFiles });
  const own = await readOwnIdentity(identity);
  return { name: name ?? own.name, identity };
}
