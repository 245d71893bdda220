import { agentNameProblem, Fault, type Principal } from "./core/index.js";
import type { Forget } from "./desk/index.js";
import type { Directory } from "./directory/index.js";
import type { Identity } from "./identity/index.js";
import type { Mailboxes } from "./mailbox/index.js";

/** Names that users of other issuers have taken. */
export interface Bindings {
  /** The names of a subject of an issuer. */
  namesOf(issuer: string, subject: string): readonly string[];
  /** Frees a name. Resolves with what was freed, when that is on the disk. */
  forget(name: string): Promise<readonly string[]>;
}

/** Where something is kept of users. */
export interface ForgettingParts {
  readonly directory: Pick<Directory, "contacts">;
  readonly identity: Pick<Identity, "forget">;
  readonly mailboxes: Pick<Mailboxes, "mailbox">;
  /** Absent: no other issuer's tokens are taken. */
  readonly bindings?: Bindings;
  /** Those that it ends. */
  readonly sessions: () => { endSpeakers(isMeant: (speaker: Principal) => boolean, fault: Fault): number };
  /** Writes into the audit log. */
  readonly audited: (line: { readonly event: "network.forgotten"; readonly by: string }) => void;
}

/** Erases what is kept of a user: its sessions end first, so that they leave nothing behind (protocols §1.21). */
export function forgetting(parts: ForgettingParts): Forget {
  return async (user, by) => {
    const { directory, identity, mailboxes, bindings, audited } = parts;
    const { contacts } = directory;
    const owned = namesOfUser(user, bindings);
    const agents = owned.length > 0 ? owned : [user];
    if (owned.length === 0) mustBeName(user);
    const names = new Set(agents);
    const proof = `jwt:${user}`;
    const sessions = parts.sessions().endSpeakers(
      (speaker) => names.has(speaker.agent) || speaker.proof === proof,
      new Fault("unauthenticated", "the operator has erased what was kept of you here; log in again", {
        fatal: true,
      }),
    );
    const [freed, proved, remembered]: [string[], string[], string[]] = [[], [], []];
    let count = 0;
    for (const name of agents) {
      freed.push(...((await bindings?.forget(name)) ?? []));
      count += await contacts.book.forget(name);
      const wasRemembered = [await contacts.names.forget(name), await contacts.sealed.forget(name)];
      if (wasRemembered.includes(true)) remembered.push(name);
      if (await identity.forget(name)) proved.push(name);
    }
    if (sessions + count + freed.length + proved.length + remembered.length === 0)
      throw new Fault(
        "not-found",
        `nothing is kept of ${user}: name an agent, or a user as issuer#sub, both to the letter`,
      );
    audited({ event: "network.forgotten", by });
    const boxes = agents.filter((name) => mailboxes.mailbox(name) !== undefined);
    return { agents, sessions, bindings: freed, proved, contacts: count, remembered, mailboxes: boxes };
  };
}

/** The names of a user that is written as `issuer#sub`; either part may hold a `#`. */
function namesOfUser(user: string, bindings: Bindings | undefined): readonly string[] {
  const names: string[] = [];
  for (let at = user.indexOf("#"); at !== -1; at = user.indexOf("#", at + 1))
    names.push(...(bindings?.namesOf(user.slice(0, at), user.slice(at + 1)) ?? []));
  return names;
}

/** @throws Fault malformed, not-found */
function mustBeName(user: string): void {
  const problem = agentNameProblem(user);
  if (problem === undefined) return;
  if (user.includes("#")) throw new Fault("not-found", `nothing is kept of ${user}: it has no names here`);
  throw new Fault("malformed", `${user} is neither issuer#sub nor an agent's name: the name ${problem}`);
}
