import { rowFor } from "./reasons.js";

const readFaster =
  "let the agent read all the time, and work on what it reads elsewhere; sessions.list tells who drops";
const token = "broker token NAME";

/**
 * What an operator can do about a reason of the ledger, for people; a reason without a row needs nothing done, or what
 * the log says. Keys as in `reasons`.
 */
export const reasonRemedies: Readonly<Record<string, string>> = Object.freeze({
  "copy full": `${readFaster}, or raise zmqBacklogMaxBytes and wsBacklogMaxBytes`,
  "copy expired": "let agents declare their names (X-Agent, the SDKs), or open mailboxes for those that come and go",
  "copy unrenderable": "say it in another way to agents of that dialect: the log names the dialect",
  "nobody-there": "look at the list of agents; a mailbox (broker mailbox open NAME) keeps what is said to who is away",
  "TYPE-to-nobody": "a mailbox (broker mailbox open NAME) keeps what is said to who is away",
  expired: "set the sender's clock right, or give messages more time (expires_at)",
  "payload-unreadable": "the log names the address and the field: mend what that program sends",
  "frame-unreadable": "the client is told the field; mend what it sends",
  "from-forged": `let the agent write its own name into from, or prove that it has the name (${token})`,
  "name-asleep": `somebody else has the name: choose another, or prove it (${token})`,
  "requests-full": "let agents answer, give requests less time (wait_ms), or raise requestsMax",
  "requests-share-full": `a token of its own (${token}) gives an agent more room`,
  "not-approved": "approve the two: broker contacts add ONE OTHER",
  "room-log-CODE": "raise what the room may keep (room.keep), or look after the disk",
  "mailbox-CODE": "let its owner read, or give the mailbox more room (broker mailbox open)",
  "mailbox-unavailable": "look after the disk: df, and the log",
  "loop-guard": "two agents answer each other: let one of them stop at an inform",
  "stream-skipped": "the session reads too slowly: let it read all the time, or ask for less",
  "asked-unheard": "an agent that asks the broker needs a SUB socket that subscribes to its own name",
  "subscription-asleep": `a token with the right (${token} --scope observe or inspect), or an exact topic`,
  "agent-refused": "raise agentsMax, or let agents without a token go",
  "agent-names-full": "connect once more for further names, or list under topics what is no name (topics: […])",
  "agent-doubled": "two programs run under one name: stop one, or give it another name",
  "zmtp-not-two-parts": "send topic and payload as two frames (send_multipart)",
  "zmtp-subscriptions-full": "subscribe to prefixes that end in . / or :, or connect once more",
  "zmtp-full": "raise zmqConnectionsMax, or find out who connects so often",
  "zmtp-address-full": "raise zmqConnectionsPerAddressMax where so many agents are behind one address",
  "zmtp-address-hasty": "let clients wait before they connect again; raise zmqHandshakesPerSecond if they are right",
  "zmtp-too-old": "the client needs a libzmq of version 4 or a library that speaks ZMTP 3",
  "zmtp-mechanism": "use NULL or PLAIN; the broker has no CURVE",
  "zmtp-not-zmtp": "WebSocket clients have an address of their own: broker status shows both",
  "zmtp-frame-too-large": "send less in one message, or raise zmqFrameMaxBytes",
  "zmtp-message-too-large": "send less in one message, or raise zmqMessageMaxBytes",
  "zmtp-stuck": readFaster,
  "zmtp-evicted": `${readFaster}, or raise backlogTotalMaxBytes`,
  "evicted-largest-backlog": `${readFaster}, or raise backlogTotalMaxBytes`,
  "token-revoked": `make a new one if it was right: ${token}`,
  "token-expired": `make a new one: ${token} --expires TIME`,
  "ws-unknown-path": "broker status lists the paths of the dialects",
  "ws-origin-refused": "list the page's origin under origins of the configuration, if you trust it",
  "ws-tls-refused": "look at the certificate (certificates at the desk, broker doctor) and at what the client trusts",
  "ws-connections-full": "raise wsConnectionsMax, or find out who connects so often",
  "ws-address-full": "raise wsConnectionsPerAddressMax where so many clients are behind one address",
  "ws-address-hasty": "let clients wait before they connect again; raise wsHandshakesPerSecond if they are right",
  "ws-frame-too-large": "send less in one frame, or raise wsFrameMaxBytes",
  "ws-stuck": readFaster,
  "ws-evicted": `${readFaster}, or raise backlogTotalMaxBytes`,
  "coordination-forgotten": "let agents end their coordinations by a last progress, or raise coordinationsMax",
  "vote-unreadable": "a vote begins with approve, reject or abstain, or has it in data.vote",
  "vote-late": "give a coordination more time (parameters.timeout)",
});

/** What can be done about a reason of the ledger; undefined: nothing has to be. */
export function remedyFor(reason: string): string | undefined {
  return rowFor(reasonRemedies, reason);
}
