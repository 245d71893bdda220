/** The SDK for local agents. */
export { Agent } from "./agent.js";
export type { Link } from "./link.js";
export type { Durability, ListedAgent, ListedRoom } from "../../../src/core/index.js";
export { MemoryLink, processProof, type MemoryHome, type MemoryPresence } from "./link-memory.js";
export { checkName } from "./outgoing.js";
export type { AgentOptions, ConnectOptions, Notice, Request, Said, SendOptions } from "./options.js";
export { faultOf, isFaultNotice } from "./incoming.js";
export type { CreateOptions, HistoryOptions, RoomCursor, RoomPast } from "./room-past.js";
export type { Delivery, MailboxStatus, MailCursor, MailState, Peeked, PeekedPage, Receipt } from "./mail-answers.js";
export type { Mail, MailOptions } from "./mail.js";
export type { PeekOptions } from "./mailbox.js";
export type { BoxOptions, MailboxOption, PushMailbox, TakeMailbox } from "./mailbox-options.js";
export { Refuse } from "./refuse.js";
export type { ReceiptOptions, Sent } from "./sent.js";
