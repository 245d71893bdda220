/**
 * What the reasons of the ledger mean, for people: `broker status` shows them and LIMITS.md lists them. `CODE` stands
 * for the code of a fault, `TYPE` for the type of a message. A test compares the rows with the words in the sources.
 */
export const reasons: Readonly<Record<string, string>> = Object.freeze({
  // Copies that did not reach a subscriber.
  "copy full": "a subscriber read too slowly: more than its backlog may hold waited for it",
  "copy closed": "the subscriber's connection ended before the copy was sent",
  "copy expired": "nobody of the name came back before its grace was over, or expires_at had passed",
  "copy unrenderable": "the subscriber's dialect cannot express the message",

  // Messages.
  "nobody-there": "nobody hears the addressee",
  "TYPE-to-nobody": "a message that wants no answer went to nobody; its sender is not told",
  expired: "expires_at had passed when the message arrived",
  "payload-unreadable": "the payload is no envelope: no JSON object in UTF-8, or from or type are wrong",
  "frame-unreadable": "a WebSocket frame that the dialect cannot read",
  "from-forged": "from is a name that its connection may not use; the log names both",
  "name-asleep": "a message in a name that its connection declared and somebody else has now",
  "topic-not-yours": "a message to a topic to which only the broker publishes",
  "requests-full": "as many requests are open as there may be, of all agents or of all without a token",
  "requests-share-full": "the sender waits for as many answers as it may; others may still ask",
  "guard-CODE": "an invite-only room refused the message, or `$telemetry` a report that is wrong",
  "not-approved":
    "a message between two agents that are no contacts, one of them in a dialect where contacts are listed",
  "room-log-CODE":
    "a message to a durable room that could not be kept: it is more than the room may, or the disk failed",
  "broker-key-removed": "a sender wrote trust, received_at, replay or $broker, in whatever case; nobody was shown it",
  "lost-CODE": "copies that were dropped though their receivers wanted them: too large for them, or no words for it",
  sealed: "a message between two agents of a dialect that seals: passed on unread, and nothing is lost",
  "loop-guard": "two agents answered each other without a pause: their chats go as informs for a while",
  "mailbox-CODE": "a mailbox refused the message, and its sender was told: it is full, or cannot be written",
  "mailbox-unavailable": "a mailbox could not keep the message: its disk is full or fails",
  "mailbox-repeated": "a message that is in the mailbox already: the same id and body within 24 hours",
  "report-refused": "what an agent reports of itself is wrong, of somebody else, or more than is kept; it was told",
  "report-merged": "an agent reports more than 10 times a second: the newest takes the place of an older one",
  "coordination-forgotten":
    "more coordinations are announced than are followed: the one of which nothing was said for longest is forgotten",
  "vote-unreadable": "an answer to a coordination.vote that begins with no vote: it counts as an abstention",
  "vote-repeated": "a second vote of one agent in a coordination: the first counts",
  "vote-late": "a vote after the coordination was over",
  "vote-foreign": "a vote by somebody else than whom the broker had asked",
  "stream-skipped": "a session reads too slowly: a stream left something out for it",
  "frames-left-at-close": "commands of a session that ended before they ran",

  // What agents were told, or could not be.
  "refused-CODE": "a fault that a WebSocket session was told",
  "told-CODE": "a fault that a ZeroMQ agent was told on its own topic",
  "fault-untold": "a fault that nobody could be told: the connection has no name, or has been told enough",
  "fault-summed-up": "faults of which an agent was told the number only",
  "asked-unheard": "a request to $broker whose answer nobody would hear",

  // Names and subscriptions.
  "subscription-asleep": "a subscription without the right to it: it hears nothing until the right is there",
  "agent-refused": "the directory has as many agents as it can: the name is not online yet",
  "agent-names-full": "a ZeroMQ connection has more names than it can: those behind are not online",
  "agent-doubled": "several ZeroMQ connections use one name, and all of them hear what is for it",

  // ZeroMQ, the connection lives on.
  "zmtp-not-two-parts": "a message of one frame, or of more than two",
  "zmtp-topic-too-long": "a message under a topic longer than zmqTopicMaxBytes",
  "zmtp-subscription-too-long": "a subscription longer than zmqTopicMaxBytes: it was refused alone",
  "zmtp-subscriptions-full": "a subscription beyond zmqSubscriptionsMax of one connection",
  "zmtp-subscriptions-large": "a subscription beyond the bytes that those of one connection, or of all, may take",
  "zmtp-upstream-ignored": "a SUB or XSUB sent something that is no subscription",
  "zmtp-answer-dropped": "a client that does not read gets no more answers to its PING",

  // ZeroMQ, connections refused or closed.
  "zmtp-refused-CODE": "a handshake was refused; the log says why",
  "zmtp-full": "too many ZeroMQ connections: a new one, or one that made room, was held and closed without a word",
  "zmtp-address-full": "as many ZeroMQ connections of one address as zmqConnectionsPerAddressMax",
  "zmtp-address-hasty": "more new ZeroMQ connections of one address than zmqHandshakesPerSecond",
  "zmtp-turned-away": "a connection was closed at once: the broker stops, or too many were refused before it",
  "zmtp-too-old": "the client speaks ZMTP 2 or older",
  "zmtp-mechanism": "the client wants a security mechanism that is not provided",
  "zmtp-client-error": "the client refused the broker",
  "zmtp-not-zmtp": "something that is no ZeroMQ client connected",
  "zmtp-handshake-timeout": "the handshake took longer than zmqHandshakeMs",
  "zmtp-handshake-too-large": "the handshake was longer than zmqHandshakeMaxBytes",
  "zmtp-unexpected-command": "a command of the handshake out of turn",
  "zmtp-early-traffic": "messages before READY",
  "zmtp-ready-twice": "READY a second time",
  "zmtp-hello": "HELLO that cannot be read",
  "zmtp-metadata": "READY that cannot be read",
  "zmtp-reserved-flags": "a frame with flags that do not exist",
  "zmtp-command-more": "a command that says that more follows",
  "zmtp-command-name": "a command without a name, or with one longer than itself",
  "zmtp-short-ping": "a PING without its time to live",
  "zmtp-frame-too-large": "a frame longer than zmqFrameMaxBytes ended its connection",
  "zmtp-message-too-large": "a message longer than zmqMessageMaxBytes ended its connection",
  "zmtp-answers-unread": "a publisher sent PING and did not read the answers",
  "zmtp-silent":
    "a peer that has answered a ping before was silent for zmqSilenceMs (provingMs while something is handed over to it)",
  "zmtp-ttl-passed": "a peer was silent for longer than its own PING allows",
  "zmtp-stuck": "a subscriber read nothing for stuckMs although messages waited for it",
  "zmtp-evicted": "it had the largest backlog when all together passed backlogTotalMaxBytes",
  "zmtp-reset": "a connection was reset by its client",
  "zmtp-socket-error": "a connection failed in the system",
  "zmtp-internal": "an error of ours; the log has it",
  "closed-by-operator": "a ZeroMQ connection that the operator closed",
  "token-revoked": "a connection whose token was revoked",
  "token-expired": "a connection whose token has expired",
  "evicted-largest-backlog": "a connection of either kind was closed because all backlogs together were too large",

  // WebSocket connections.
  "ws-unknown-path": "no dialect answers at the path",
  "ws-origin-refused": "a page of an origin that is not allowed",
  "ws-tls-refused": "a TLS handshake failed",
  "ws-connections-full": "as many WebSockets as wsConnectionsMax",
  "ws-address-full": "as many WebSockets of one address as wsConnectionsPerAddressMax",
  "ws-address-hasty": "more new WebSockets of one address than wsHandshakesPerSecond",
  "ws-head-timeout": "the head of the request, or the TLS handshake, took longer than httpHeadMs",
  "ws-half-open-full": "as many WebSockets that have not logged in as wsHalfOpenMax: a new one, or one that made room",
  "ws-pre-login-full": "more than wsPreLoginMaxBytes before the login",
  "ws-failed": "a fault of the broker while it read a WebSocket; the log says more",
  "ws-frame-too-large": "a message longer than wsFrameMaxBytes",
  "ws-fragments-full": "a message of more fragments than wsFragmentsMax",
  "ws-protocol-error": "bytes that are no WebSocket frames",
  "ws-reader-held": "reading from a session paused until what it said before has been heard",
  "ws-reader-paused": "reading from a session paused until it has taken what waits for it",
  "ws-silent": "no answer to a ping until the next (for provingMs while something is handed over to it)",
  "ws-stuck": "unsent bytes and no progress for stuckMs",
  "ws-evicted": "it had the largest backlog when all together passed backlogTotalMaxBytes",
  "ws-close-backlog": "closed before everything for it could be sent",
  "ws-close-unanswered": "the peer did not answer our close",
  "dialect-failed": "an error in a dialect; the log has it",

  // Webhooks (Visualisation §5.4).
  "webhook-delivered": "an answer was POSTed, and its host took it: nothing is lost",
  "webhook-again": "an answer could not be POSTed and is tried again",
  "webhook-failed": "an answer could not be POSTed: the host refuses it or cannot be reached; the audit log says why",
  "webhook-full": "as many answers wait to be POSTed as may, of all hosts or of one",
  "webhook-left": "answers that were not POSTed when the broker stopped",
});

/** What a reason of the ledger means; undefined for one that a dialect from elsewhere counts. */
export function meaningOf(reason: string): string | undefined {
  return rowFor(reasons, reason);
}

/** The row of a reason, in a table whose keys are as in {@link reasons}; undefined if there is none. */
export function rowFor(rows: Readonly<Record<string, string>>, reason: string): string | undefined {
  if (Object.hasOwn(rows, reason)) return rows[reason];
  const pattern = Object.keys(rows).find((key) => patternOf(key)?.test(reason) === true);
  return pattern === undefined ? undefined : rows[pattern];
}

function patternOf(key: string): RegExp | undefined {
  return /CODE|TYPE/.test(key) ? new RegExp(`^${key.replace(/CODE|TYPE/, "[a-z-]+")}$`) : undefined;
}
