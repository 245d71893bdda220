/**
 * Every limit of the broker with its default. LIMITS.md lists the same rows; a test compares them. The unit stands in
 * the name: bytes, milliseconds, or a plain count.
 */
export const defaultLimits = Object.freeze({
  /** One ZeroMQ frame. */
  zmqFrameMaxBytes: 1024 * 1024,
  /** Topic and payload of one ZeroMQ message together. */
  zmqMessageMaxBytes: 4 * 1024 * 1024,
  /** Unsent bytes of one ZeroMQ subscriber; beyond it the newest message is dropped. */
  zmqBacklogMaxBytes: 16 * 1024 * 1024,
  /** ZeroMQ connections on both doors. */
  zmqConnectionsMax: 20_000,
  /** ZeroMQ connections of one address (an IPv6 network of 64 bits), this machine's excepted; an agent has two. */
  zmqConnectionsPerAddressMax: 2_000,
  /** New ZeroMQ connections of one address per second; this machine's excepted. */
  zmqHandshakesPerSecond: 100,
  /** New ZeroMQ connections of one address that may come at once before their rate counts. */
  zmqHandshakesBurst: 2_000,
  /** Addresses whose ZeroMQ connections are counted. */
  zmqAddressesMax: 100_000,
  /** Time from accept to READY. */
  zmqHandshakeMs: 10_000,
  /**
   * ZeroMQ connections that have not finished their handshake, and as many again that were refused and wait to be
   * closed. When all are taken, the address with the most makes room with its oldest for one of an address with less.
   */
  zmqHalfOpenMax: 4_000,
  /** Commands of one ZeroMQ handshake together. */
  zmqHandshakeMaxBytes: 16 * 1024,
  /**
   * A ZeroMQ client that is refused for now, or would not understand why, is closed after this at the latest: else it
   * is back at once.
   */
  zmqHoldMs: 5_000,
  /** Addresses whose last warning of a kind is remembered, to keep it to one a minute. */
  zmqWarningsMax: 10_000,
  /** Subscriptions of one ZeroMQ connection. */
  zmqSubscriptionsMax: 20_000,
  /** What they take in memory, about: 512 bytes each, and twice their topic. */
  zmqSubscriptionsMaxBytes: 16 * 1024 * 1024,
  /**
   * What the subscriptions of all ZeroMQ connections take. Every connection has 16 KiB in any case, and more only while
   * as much is left as it has then; the connections of one other machine have a quarter together, and a quarter is
   * for those with a token.
   */
  zmqSubscriptionsTotalMaxBytes: 128 * 1024 * 1024,
  /** Names that the subscriptions of one ZeroMQ connection suggest; further ones are topics only. */
  zmqNamesMax: 100,
  /** Longest subscription or topic on ZeroMQ. */
  zmqTopicMaxBytes: 1024,
  /** An idle ZeroMQ peer is pinged after this. */
  zmqPingMs: 30_000,
  /** A peer that has ponged before and is silent for this long is closed (but see `provingMs`). */
  zmqSilenceMs: 90_000,
  /** Names and memberships of a ZeroMQ connection are worked out at most this often. */
  zmqNamingMs: 50,
  /** An inferred name counts as seen after this, if it has not spoken before. */
  zmqInferredMs: 2_000,
  /** A declared name stays online this long after its last connection. */
  graceDeclaredMs: 2_000,
  /** An inferred name stays online this long after its last connection. */
  graceInferredMs: 10_000,
  /** After start, messages to unknown names are held this long. */
  startHoldMs: 3_000,
  /**
   * Messages held for names that are away or not yet there, in all. A connection has 4 KiB of it in any case, and more
   * only while as much is left as it has then; a quarter is for those with a token.
   */
  heldMaxBytes: 16 * 1024 * 1024,
  /** Messages held for one name. */
  heldPerNameMax: 1_000,
  /** Mailboxes; half of them at most of agents without a token. */
  mailboxesMax: 50_000,
  /** Mailboxes of agents without a token that one connection opens. */
  mailboxesPerConnectionMax: 100,
  /** How long a message waits in a mailbox, if nothing else is said. */
  mailKeepMs: 7 * 86_400_000,
  /** Messages that wait in one mailbox; one sender has a quarter at most, those without a token have half together. */
  mailMax: 1_000,
  /** Bytes that wait in one mailbox; shared as the messages are. */
  mailMaxBytes: 16 * 1024 * 1024,
  /** Bytes that wait in all mailboxes of agents without a token; what such agents say finds room in half of it. */
  mailClaimedMaxBytes: 256 * 1024 * 1024,
  /** Bytes that wait in all mailboxes; what agents without a token say finds room in half of it. */
  mailTotalMaxBytes: 1024 * 1024 * 1024,
  /** Messages that a connection is given from a mailbox before it has proved to have read them, at first. */
  mailWindowMin: 8,
  /** The same at most: it doubles with each proof that comes within a second. */
  mailWindowMax: 256,
  /** Bytes of the first window; they double with it. */
  mailWindowBytes: 64 * 1024,
  /** How long a message from a mailbox is leased, if nothing else is said. */
  mailLeaseMs: 120_000,
  /** The longest lease. */
  mailLeaseMaxMs: 3_600_000,
  /** The publisher door opens this long after the subscriber door. */
  publisherDoorDelayMs: 250,
  /** One WebSocket message. */
  wsFrameMaxBytes: 64 * 1024,
  /** Unsent bytes of one WebSocket session; beyond it the newest message is dropped. */
  wsBacklogMaxBytes: 1024 * 1024,
  /** WebSocket connections. */
  wsConnectionsMax: 20_000,
  /** WebSocket connections of one address (an IPv6 network of 64 bits), this machine's excepted. */
  wsConnectionsPerAddressMax: 1_000,
  /** New WebSocket connections of one address per second; this machine's excepted. */
  wsHandshakesPerSecond: 50,
  /** New WebSocket connections of one address that may come at once before their rate counts. */
  wsHandshakesBurst: 500,
  /** Addresses whose WebSocket connections are counted. */
  wsAddressesMax: 100_000,
  /** Bytes that one WebSocket connection may send before it has logged in. */
  wsPreLoginMaxBytes: 256 * 1024,
  /** Fragments of one WebSocket message. */
  wsFragmentsMax: 1_024,
  /** Lines per minute in the log about web pages that are refused, one for each origin. */
  wsOriginWarningsMax: 100,
  /**
   * WebSocket connections that have not logged in. When all are taken, the address with the most makes room with its
   * oldest for one of an address with less.
   */
  wsHalfOpenMax: 4_000,
  /** Time from the WebSocket upgrade to a successful login. */
  wsLoginMs: 5_000,
  /** Time for the HTTP request head. */
  httpHeadMs: 5_000,
  /** Size of the HTTP request head. */
  httpHeadMaxBytes: 16 * 1024,
  /**
   * A WebSocket peer is pinged this often and closed when a ping stays unanswered until the next (but see `provingMs`).
   */
  wsPingMs: 30_000,
  /**
   * When so many frames of one session wait for the command before them, or half of `wsFrameMaxBytes` before login, of
   * `wsBacklogMaxBytes` after it, nothing more is read of its socket until they have been heard.
   */
  sessionQueueMax: 256,
  /** Topics that are neither rooms nor names, heard by one session. */
  sessionTopicsMax: 1_000,
  /** Calls that one session may have under way. */
  sessionCallsMax: 100,
  /**
   * Bytes that wait of all connections together: unsent ones, unfinished messages, and frames that wait for a command
   * before them; what many share counts once. Beyond it the largest backlogs are evicted.
   */
  backlogTotalMaxBytes: 512 * 1024 * 1024,
  /** A connection with unsent bytes and no progress for this long is closed. */
  stuckMs: 300_000,
  /**
   * While a connection has not proved that it read what a mailbox handed over to it, silence ends it after this only: a
   * client may answer no ping while messages wait to be read.
   */
  provingMs: 600_000,
  /** A newcomer of a name in use displaces a session that does not answer a ping within this. */
  conflictPingMs: 2_000,
  /** Agents in the directory. */
  agentsMax: 50_000,
  /**
   * Agents whose name is claimed, or proved by a key; the rest of `agentsMax` is for those with a token. An address (an
   * IPv6 network of 64 bits) that has 10 gets a further one only while as many are left as it has then, this machine
   * excepted.
   */
  agentsClaimedMax: 40_000,
  /**
   * Those of them that share their ZeroMQ connection with other names, in the same shares; the rest of
   * `agentsClaimedMax` is for those with one of their own.
   */
  agentsSharingMax: 30_000,
  /** Rooms in the directory. */
  roomsMax: 50_000,
  /**
   * Rooms beyond which agents whose name is claimed, or proved by a key, make one at the cost of whoever has the most;
   * the rest is for those with a token.
   */
  roomsClaimedMax: 40_000,
  /** Members of one room. */
  roomMembersMax: 10_000,
  /** Rooms that one agent may be in. */
  roomsPerAgentMax: 1_000,
  /**
   * Memberships of all agents in all rooms. Without a token an agent that is in 10 rooms enters a further one only
   * while as many memberships are left as it has. Agents without a token that are away have a quarter together.
   */
  membershipsMax: 400_000,
  /** Invitations of one room; its guests give half of them at most. */
  invitationsPerRoomMax: 10_000,
  /**
   * Invitations of all rooms. Whoever has no token and has given 10 gives a further one only while as many are left as
   * it has given.
   */
  invitationsMax: 200_000,
  /** Messages of a public room that are kept for replay. */
  historyPerRoomMax: 20,
  /** Bytes of one room's history. */
  historyPerRoomMaxBytes: 1024 * 1024,
  /** Bytes of all rooms' histories; beyond it whoever has said the most of it makes room, with its oldest. */
  historyTotalMaxBytes: 64 * 1024 * 1024,
  /** A durable room remembers what is said for so long, unless it was made otherwise. */
  roomLogKeepMs: 7 * 86_400_000,
  /** … and so many messages … */
  roomLogMax: 10_000,
  /** … and so many bytes, with 200 more for each message. The oldest go. */
  roomLogMaxBytes: 64 * 1024 * 1024,
  /** Durable rooms of agents; half of them at most of agents without a token. */
  roomLogsMax: 1_000,
  /** Durable rooms of one agent. */
  roomLogsPerOwnerMax: 20,
  /**
   * Bytes that all durable rooms keep, each message with 200 more. The rooms of one agent take a quarter at most, those
   * of agents without a token half together.
   */
  roomLogsTotalMaxBytes: 4 * 1024 * 1024 * 1024,
  /**
   * Names of which one durable room remembers how much they were handed; those that heard nothing longest go, of agents
   * without a token first.
   */
  roomCursorsMax: 1_000,
  /** An empty public room that nobody configured is forgotten after this. */
  emptyRoomMs: 86_400_000,
  /** Names that were seen proved are remembered this long. */
  provedNameMs: 30 * 86_400_000,
  /** Names remembered as proved. */
  provedNamesMax: 100_000,
  /** Names of agents with listed contacts that are remembered while they are away, for `provedNameMs`. */
  contactNamesMax: 100_000,
  /** Pairs of approved contacts. */
  contactsMax: 100_000,
  /** Approved contacts of one agent. */
  contactsPerAgentMax: 1_000,
  /**
   * Open requests of agents with a token, of which those without one take half at most. Their half is shared: a
   * connection has 10 in any case, also beyond the half, and more only while as many of it are left as it has then.
   */
  requestsMax: 100_000,
  /** Open requests of one sender. */
  requestsPerSenderMax: 1_000,
  /** A tracked request without `wait_ms` and `expires_at` is answered with `timeout` after this. */
  requestTimeoutMs: 30_000,
  /** A longer `wait_ms` or later `expires_at` is waited for no longer than this. */
  requestMaxMs: 3_600_000,
  /**
   * Pairs of agents whose conversation is followed; beyond it the longest silent one is forgotten of those that the
   * busiest party began.
   */
  conversationsMax: 100_000,
  /** What all those pairs take in memory, about; beyond it they make room in the same way. */
  conversationsMaxBytes: 256 * 1024 * 1024,
  /** After an answer, further text of the answerer is an inform for this long. */
  answerTailMs: 60_000,
  /** Turns of one pair, each within `loopTurnMs` of the last, that trip the loop guard. */
  loopTurnsMax: 20,
  loopTurnMs: 10_000,
  /** While the loop guard is tripped, chats of the pair go as informs. */
  loopGuardMs: 60_000,
  /** Faults that one recipient gets per second; the rest is summed up once a second. */
  faultsPerSecondMax: 10,
  /** Recipients whose fault rate is followed. */
  faultRecipientsMax: 100_000,
  /** A session refused this often within `abuseWindowMs` is closed. */
  abuseRefusalsMax: 100,
  abuseWindowMs: 10_000,
  /** Questions to the broker (ZeroMQ `$broker`, PAN `ask`, AgentChat `ASK`) per second of one connection. */
  brokerRatePerSecond: 50,
  /** Questions to the broker that one connection may ask at once before their rate counts. */
  brokerRateBurst: 200,
  /** An answer of the broker that waits for something to happen waits this long at most; one for each connection. */
  brokerWaitMaxMs: 30_000,
  /** Coordinations under way that agents announce, and as many that the broker runs. */
  coordinationsMax: 1_000,
  /**
   * Coordinations under way that one agent announces, and as many that one connection has the broker run; one that has
   * ended sooner counts for a minute.
   */
  coordinationsPerAgentMax: 10,
  /** Participants of a coordination that the broker runs: it writes to each of them. */
  coordinationParticipantsMax: 50,
  /** Longest time that such a coordination may take. */
  coordinationMaxMs: 600_000,
  /** What an agent says of a coordination, and what it proposes to others, as JSON. */
  coordinationMaxBytes: 8 * 1024,
  /** What an agent reports of itself in one message, as JSON. */
  telemetryReportMaxBytes: 4 * 1024,
  /**
   * What is kept of all that agents report of themselves, until they go. An agent has 1 KiB in any case, and more only
   * while as much is left as it has then; a quarter is kept for those with a token.
   */
  telemetryMaxBytes: 32 * 1024 * 1024,
  /** What one agent says that it can do (`telemetry.capability`). */
  capabilitiesPerAgentMax: 64,
  /** Logins that wait for the keys of one issuer (`identityProviders`). */
  issuerWaitsMax: 1_000,
  /** Names that belong to users of one issuer; by first use half of them at most. */
  issuerNamesMax: 50_000,
  /** Names that one user of an issuer has by first use. */
  issuerFirstUsesMax: 10,
  /** Failed logins of one address per minute, loopback excepted. */
  loginFailuresPerMinute: 30,
  /** The file of the audit log; beyond it a new one is begun. */
  auditFileMaxBytes: 8 * 1024 * 1024,
  /** Earlier files of the audit log that are kept. */
  auditFilesMax: 5,
  /**
   * Lines of the audit log that wait for the disk; further ones are counted, and the count is written when it can be.
   */
  auditQueueMaxBytes: 1024 * 1024,
  /**
   * Audit lines per second about logins of one address without a token of their own; what they leave out is counted.
   */
  auditClaimsPerSecond: 20,
  /** Such audit lines that may be written at once before their rate counts. */
  auditClaimsBurst: 200,
  /**
   * Audit lines of that kind per second of all addresses, half of them of addresses that cause few, and as many again
   * about failed logins with protected names: pushing older lines out of the log takes a quarter of a day.
   */
  auditClaimsTotalPerSecond: 5,
  /** Those of all addresses that may be written at once before their rate counts. */
  auditClaimsTotalBurst: 2_000,
  /** Answers that wait to be POSTed, or are being tried again; a further one is given up. One host: half of them. */
  webhooksMax: 1_000,
  /** What they hold. */
  webhooksMaxBytes: 8 * 1024 * 1024,
  /** Configurations of multi-agents that are kept; one more is refused. */
  multiAgentsMax: 1_000,
  /** Token buckets that are kept; the longest unused goes first. */
  bucketsMax: 200_000,
  /** At stop, publishers are read until this long is quiet … */
  drainQuietMs: 100,
  /** … or this long has passed. */
  drainReadMs: 2_000,
  /** At stop, subscribers have this long to take what is theirs. */
  drainFlushMs: 5_000,
});

/** The broker's limits: the defaults with any of them replaced. */
export type Limits = Readonly<Record<keyof typeof defaultLimits, number>>;
