import type { Kind } from "./kind.js";
import { brokerStatus, ping } from "./kinds/broker.js";
import { agentsFind } from "./kinds/agents-find.js";
import { coordinationList, coordinationStart, coordinationStatus } from "./kinds/coordination.js";
import { contactsAdd, contactsList, contactsRemove } from "./kinds/contacts.js";
import { multiAgentConfigure, multiAgentGet, multiAgentList, multiAgentRemove } from "./kinds/multi-agents.js";
import { networkForget } from "./kinds/network.js";
import { agentsList, roomsList } from "./kinds/lists.js";
import { mailboxOpen, mailboxStatus, mailboxClose, mailboxPeek, mailboxState, mailboxList } from "./kinds/mailboxes.js";
import {
  mailboxTake,
  mailboxDone,
  mailboxExtend,
  mailboxRelease,
  mailboxRefuse,
  mailboxRedeliver,
} from "./kinds/mailbox-taking.js";
import { roomCreate, roomHistory, roomInvite, roomJoin, roomKeep, roomLeave, roomMembers } from "./kinds/rooms.js";
import { sessionsClose, sessionsList } from "./kinds/sessions.js";
import { tokensList, tokensRevoke } from "./kinds/tokens.js";
import { certificates, loginsRefused, losses, trace } from "./kinds/watching.js";

/** Every kind of question that the broker answers. */
export type DeskKind =
  | "ping"
  | "agents.list"
  | "agents.find"
  | "rooms.list"
  | "room.join"
  | "room.leave"
  | "room.create"
  | "room.keep"
  | "room.invite"
  | "room.members"
  | "room.history"
  | "mailbox.open"
  | "mailbox.status"
  | "mailbox.close"
  | "mailbox.take"
  | "mailbox.done"
  | "mailbox.extend"
  | "mailbox.release"
  | "mailbox.refuse"
  | "mailbox.redeliver"
  | "mailbox.peek"
  | "mailbox.state"
  | "mailbox.list"
  | "coordination.start"
  | "coordination.status"
  | "coordination.list"
  | "multi-agent.configure"
  | "multi-agent.remove"
  | "multi-agent.get"
  | "multi-agent.list"
  | "contacts.add"
  | "contacts.remove"
  | "contacts.list"
  | "network.forget"
  | "tokens.list"
  | "tokens.revoke"
  | "sessions.list"
  | "sessions.close"
  | "trace"
  | "losses"
  | "logins.refused"
  | "certificates"
  | "broker.status";

/** One row for each kind: a missing one does not compile. */
export type DeskTable = Readonly<Record<DeskKind, Kind>>;

/** What is asked of the broker, what it answers, who may ask, what it costs, and how it is done: a file per noun. */
export const deskKinds = {
  ping,
  "agents.list": agentsList,
  "agents.find": agentsFind,
  "rooms.list": roomsList,
  "room.join": roomJoin,
  "room.leave": roomLeave,
  "room.create": roomCreate,
  "room.keep": roomKeep,
  "room.invite": roomInvite,
  "room.members": roomMembers,
  "room.history": roomHistory,
  "mailbox.open": mailboxOpen,
  "mailbox.status": mailboxStatus,
  "mailbox.close": mailboxClose,
  "mailbox.take": mailboxTake,
  "mailbox.done": mailboxDone,
  "mailbox.extend": mailboxExtend,
  "mailbox.release": mailboxRelease,
  "mailbox.refuse": mailboxRefuse,
  "mailbox.redeliver": mailboxRedeliver,
  "mailbox.peek": mailboxPeek,
  "mailbox.state": mailboxState,
  "mailbox.list": mailboxList,
  "coordination.start": coordinationStart,
  "coordination.status": coordinationStatus,
  "coordination.list": coordinationList,
  "multi-agent.configure": multiAgentConfigure,
  "multi-agent.remove": multiAgentRemove,
  "multi-agent.get": multiAgentGet,
  "multi-agent.list": multiAgentList,
  "contacts.add": contactsAdd,
  "contacts.remove": contactsRemove,
  "contacts.list": contactsList,
  "network.forget": networkForget,
  "tokens.list": tokensList,
  "tokens.revoke": tokensRevoke,
  "sessions.list": sessionsList,
  "sessions.close": sessionsClose,
  trace,
  losses,
  "logins.refused": loginsRefused,
  certificates,
  "broker.status": brokerStatus,
} satisfies DeskTable;

/** The row of a kind; undefined if there is none. `word` came from outside. */
export function kindOf(kinds: Readonly<Record<string, Kind>>, word: string): Kind | undefined {
  return Object.hasOwn(kinds, word) ? kinds[word] : undefined;
}
