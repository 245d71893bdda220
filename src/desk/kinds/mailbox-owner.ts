import { Fault, isControlName } from "../../core/index.js";
import type { Mailbox, Opener } from "../../mailbox/index.js";
import { hasRight, type Ask } from "../kind.js";
import { sessionMaxBytes, wireMaxBytes } from "./mailbox-fields.js";

/**
 * The box that the asker may use: its own, or as operator anybody's.
 * @throws Fault not-found, forbidden
 */
export function ownBox(ask: Ask, name: string | undefined): Mailbox {
  const { asker, viewer, mailboxes } = ask;
  if (name !== undefined && name !== asker) mustOperate(ask);
  return mailboxes.own(
    name ?? asker,
    hasRight(viewer, "operate") ? undefined : { trust: viewer?.trust, proof: viewer?.proof },
  );
}

function mustOperate({ viewer }: Ask): void {
  if (!hasRight(viewer, "operate"))
    throw new Fault(
      "forbidden",
      "only the operator may touch the mailbox of somebody else; leave agent out for your own",
    );
}

/** Who opens the box of a name. @throws Fault forbidden: the name would have to be proved, or is no agent's */
export function openerOf(ask: Ask, name: string | undefined): Opener {
  const { asker, viewer, mailboxes, seats, chargedTo } = ask;
  if (name !== undefined && name !== asker) {
    mustOperate(ask);
    return { ...mailboxes.openerFor(name), by: asker };
  }
  if (isControlName(asker))
    throw new Fault("forbidden", "a mailbox is for an agent: this session commands agents and is none");
  const trust = viewer?.trust ?? "claimed";
  const [seat] = seats;
  const place = { connection: chargedTo, network: seat?.presence.party.network };
  if (trust === "proved") return { name: asker, trust, proof: viewer?.proof, ...place };
  if (!mailboxes.mayClaim || !isWire(ask))
    throw new Fault("forbidden", `a mailbox is for a name that is proved: ${proofFor(ask)}`);
  if (seat === undefined)
    throw new Fault("unauthenticated", `${asker} does not hear anything here: subscribe to your own name first`);
  return { name: asker, trust: "claimed" as const, ...place };
}

/** How this asker can prove a name. Those who come with keys know no tokens, and the others no keys. */
function proofFor({ asker, viewer }: Ask): string {
  if (viewer?.temporary === true)
    return `${asker} is made up for this connection, so log in with a key of your own (pubkey) and prove it`;
  if (viewer?.expectedProof !== undefined) return "your key is not proved yet, so answer the challenge of your login";
  return `connect with a token of its own (broker token ${asker})`;
}

/** Where the subscription is the membership, none outlives the connection. @throws Fault unsupported */
export function mustKeepRooms({ seats }: Ask): void {
  if (seats.some(({ ready }) => ready !== undefined)) return;
  throw new Fault(
    "unsupported",
    "rooms: true is for WebSocket sessions: on ZeroMQ the subscription is the membership, so subscribe to your rooms " +
      'again when you are back, and read what a durable one remembers by room.join {after: "last"}',
  );
}

/** True for an agent on ZeroMQ, or in the broker's own process. */
function isWire({ directory, asker }: Ask): boolean {
  const dialect = directory.agent(asker)?.dialect;
  return dialect === "zmq" || dialect === "local";
}

/** Bytes of messages that one answer to this asker holds. */
export function answerMaxBytes(ask: Ask): number {
  return isWire(ask) ? wireMaxBytes : sessionMaxBytes;
}
