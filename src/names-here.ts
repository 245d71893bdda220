import type { Directory } from "./directory/index.js";
import type { Identity } from "./identity/index.js";
import type { NamesHere } from "./identity/providers/index.js";
import type { Mailboxes } from "./mailbox/index.js";

/** Where it is known whose a name is. */
export interface NamesHereParts {
  readonly identity: Pick<Identity, "isProtected" | "protectedLike"> & Pick<NamesHere, "isOurs">;
  readonly directory: Pick<Directory, "agent" | "contacts">;
  readonly mailboxes: Pick<Mailboxes, "mailbox">;
}

/** What users of other issuers may not take (protocols §0.13). `parts`: asked for when the first of them comes. */
export function namesHere(parts: () => NamesHereParts): NamesHere {
  return {
    isOurs: (name) => parts().identity.isOurs(name),
    isProtected: (name) => parts().identity.isProtected(name),
    protectedLike: (name) => parts().identity.protectedLike(name),
    isOnline: (name) => parts().directory.agent(name) !== undefined,
    keptFor(name) {
      const { directory, mailboxes } = parts();
      if (mailboxes.mailbox(name) !== undefined) return "a mailbox";
      return directory.contacts.book.of(name).length > 0 ? "approved contacts" : undefined;
    },
  };
}
