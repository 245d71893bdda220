import { Bridges } from "./websocket/engine/index.js";
import { issuersOf, usualZmqDoors, type BrokerConfig } from "./config/index.js";
import {
  BacklogTotal,
  Exchange,
  Flusher,
  Ledger,
  LoopClock,
  Router,
  principal,
  type Clock,
  type Lifecycle,
  type Log,
  Slices,
} from "./core/index.js";
import { ConversationsMemory, followAnswers, RequestsMemory, type Requests } from "./conversation/index.js";
import { assembleCoordination } from "./coordination-parts.js";
import { Desk, type Askers } from "./desk/index.js";
import { contactsOf } from "./dialect/options.js";
import { forgetting } from "./forgetting.js";
import { idSource } from "./id-source.js";
import { namesHere } from "./names-here.js";
import { officeOf } from "./office.js";
import { LocalAgents } from "./local-agents.js";
import { ZeromqAgents } from "./zeromq/agents/index.js";
import {
  assembleOperations,
  doorCounts,
  LatencyHistogram,
  MeasuredRequests,
  sdkPage,
  welcomePage,
  type AuditEvent,
  type AuditLog,
} from "./ops/index.js";
import { DataDirectory, TablesLmdb } from "./storage/index.js";
import { part, storagePart } from "./storage-part.js";
import { assembleMailboxes, awayMembers } from "./mailbox-parts.js";
import { keepsRooms, ownerOf, type Mailboxes } from "./mailbox/index.js";
import { DirectoryMemory, type Directory } from "./directory/index.js";
import { MultiAgents } from "./telemetry/multi-agents.js";
import { RoomLogsLmdb } from "./room-log/index.js";
import {
  ClaimWatch,
  IdentityTokens,
  LimiterMemory,
  operatorName,
  operatorScopes,
  type Identity,
} from "./identity/index.js";
import { ConfiguredIssuers } from "./identity/providers/index.js";
import type { Access, TlsPair, WsEdge } from "./websocket/edge/index.js";
import { assembleWebSocket } from "./websocket-parts.js";
import { warnAboutDoors } from "./door-warnings.js";
import { assembleTelemetry } from "./telemetry-parts.js";
import { ZmtpListener } from "./zeromq/wire/index.js";

/** The parts of one broker that the rest of the program uses. */
export interface Parts {
  readonly clock: Clock;
  readonly data: DataDirectory;
  readonly ledger: Ledger;
  readonly total: BacklogTotal;
  readonly router: Router;
  readonly exchange: Exchange;
  readonly directory: Directory;
  readonly identity: Identity;
  /** Whose tokens are taken beside the broker's own. A reload replaces them. */
  readonly issuers: ConfiguredIssuers;
  readonly requests: Requests;
  /** The agents in the broker's own process. */
  readonly localAgents: LocalAgents;
  /** What waits for whoever is away. */
  readonly mailboxes: Mailboxes;
  readonly zmtp: ZmtpListener;
  readonly ws: WsEdge;
  /** Decides who may connect to the WebSocket doors. */
  readonly access: Access;
  /** The certificate and key of the WebSocket doors; undefined: they are clear text. A reload replaces it. */
  tls: TlsPair | undefined;
  readonly audit: AuditLog;
  /** All parts that start and stop: started in this order, drained in reverse. */
  readonly inOrder: readonly Lifecycle[];
}

/** What the parts call the broker for. */
export interface PartsHooks {
  /** Answers `broker.status`. */
  readonly status: () => Readonly<Record<string, unknown>>;
  /** Called when another broker has taken the data directory. */
  readonly lost: () => void;
  /** The certificate and key of the WebSocket doors at this moment; undefined: they are clear text. */
  readonly tls: () => TlsPair | undefined;
  /** True for the agents of `broker start --demo`. */
  readonly isDemo: (name: string) => boolean;
}

/**
 * Builds every part from the ones before it; parts that need each other are connected at the end. Nothing is opened
 * yet.
 * @throws Fault malformed (an unknown dialect, a certificate and a key that do not fit), unavailable (their files)
 */
export function assembleParts(
  config: BrokerConfig,
  dataDir: string,
  log: Log,
  { status, lost, tls: tlsNow, isDemo }: PartsHooks,
): Parts {
  const { limits, topics: dataTopics } = config;
  const clock = new LoopClock();
  const newId = idSource();

  // How messages move, and who waits for whose answer.
  const ledger = new Ledger();
  const flusher = new Flusher();
  const endings = new Slices(clock, {
    failed: (thrown) => {
      log("error", "a connection could not be ended cleanly", { error: String(thrown) });
    },
  });
  const total = new BacklogTotal(limits.backlogTotalMaxBytes, ledger);
  const router = new Router(dataTopics);
  const exchange = new Exchange(router, ledger, clock, newId);
  const latency = new LatencyHistogram();
  const requests = new MeasuredRequests(
    new RequestsMemory({ limits, clock, stored: (request) => mailboxes.overdue(request) }),
    clock,
    latency,
  );
  const conversations = new ConversationsMemory({
    limits,
    clock,
    requests,
    stored: (from, to) => mailboxes.asked(from, to) ?? coordination.owed(from, to),
  });
  followAnswers(exchange, { conversations, requests });
  if (config.logMessages) {
    exchange.follow(({ message_id: id, from, to, type, content }) => {
      log("info", "message", { id, from, to, type, text: content.message });
    });
  }

  // What is on disk, who may call itself what, and who is here.
  const data = new DataDirectory(dataDir);
  const tables = new TablesLmdb({
    path: data.file("tables"),
    failed: (error) => {
      log("error", "a change could not be kept", { error: String(error) });
    },
  });
  const issuers = new ConfiguredIssuers({
    clock,
    limits,
    log,
    names: namesHere(() => ({ identity, directory, mailboxes })),
  });
  issuers.set(issuersOf(config));
  const identity: IdentityTokens = new IdentityTokens({
    dataDirectory: data,
    clock,
    limits,
    reserved: config.reserved,
    tables,
    outside: issuers,
    kept: {
      has: (name) => mailboxes.ownsProved(name) || issuers.has(name),
      get size() {
        return mailboxes.provedCount + issuers.size;
      },
      looks: issuers.looks,
    },
    damaged: (fault) => {
      log("error", fault.message);
    },
  });
  const audited = (line: AuditEvent): void => {
    ops.audit.write(line);
  };
  const directory = new DirectoryMemory({
    router,
    exchange,
    limits,
    clock,
    configuredRooms: config.rooms,
    contacts: { ...contactsOf(config.settings, config.dialects), operator: operatorName, witness: audited },
    endings,
    boxOwner: (name) => ownerOf(mailboxes.mailbox(name)?.box),
    outlives: (speaker) => keepsRooms(mailboxes, speaker),
    failed: (thrown) => {
      log("error", "an event could not be told", { error: String(thrown) });
    },
  });
  const roomLogs = new RoomLogsLmdb({
    path: data.file("room-logs"),
    restore: (logs) => directory.remember(logs),
    exchange,
    clock,
    limits,
    log,
  });
  const limiter = new LimiterMemory({ limits, clock });
  const coordination = assembleCoordination({ exchange, directory, limits, newId });
  const multiAgents = new MultiAgents({ exchange, clock, limits, witness: audited });

  // How the operator watches it all.
  const ops = assembleOperations({
    auditPath: data.file("audit.log"),
    limits,
    clock,
    log,
    ledger,
    limiter,
    identity,
    latency,
    agents: () => directory.agents(),
    rooms: () => directory.rooms(principal(operatorName, "proved", { scopes: operatorScopes })),
    backlogBytes: () => total.bytes,
    openRequests: () => requests.size,
    mailboxes: () => mailboxes.figures(),
    roomLogs: () => roomLogs.figures(),
  });

  // The agents on ZeroMQ, the broker as an agent, and the ZeroMQ doors.
  const zeromqAgents = new ZeromqAgents({
    router,
    exchange,
    ledger,
    limits,
    clock,
    directory,
    identity,
    limiter,
    requests,
    newId,
    log,
    dataTopics,
    witness: ops.witness,
  });
  const mailboxes: Mailboxes = assembleMailboxes(config, data, {
    exchange,
    clock,
    limits,
    newId,
    log,
    tell: (agent, notice) => {
      zeromqAgents.tell(agent, notice);
    },
    isProtected: (name) => identity.isProtected(name),
    reviewRooms: (name) => directory.reviewAway(name),
    witness: ops.mailWitness,
  });
  const localAgents = new LocalAgents({
    exchange,
    newId,
    directory,
    identity,
    reserved: config.reserved,
    boxProof: (name) => mailboxes.mailbox(name)?.box.settings.proof,
    taken: (name) => {
      zeromqAgents.proved(name);
    },
  });
  const askers: Askers = {
    askerOf: (message, request) => localAgents.askerOf(message, request) ?? zeromqAgents.askerOf(message, request),
  };
  const sessions = (): Bridges => bridges;
  const forget = forgetting({ directory, identity, mailboxes, bindings: issuers, sessions, audited });
  const doorsNow = () => ({ zmtp, zeromqAgents, bridges, tls: tlsNow() });
  const office = officeOf({ exchange, clock, refused: ops.refused, identity, audited, doors: doorsNow });
  const { coordinations } = coordination;
  const reporting = { exchange, directory, mailboxes, coordinations, loopDelay: ops.loopDelay, isDemo };
  const shown = assembleTelemetry(config, data, { ...reporting, clock, ledger, log, newId, audited });
  const { capabilities } = shown;
  const asked = { status, askers, forget, coordination, office, multiAgents, capabilities };
  const desk = new Desk({ exchange, directory, mailboxes, limits, limiter, log, ...asked });
  const zmtp = new ZmtpListener({
    router,
    ledger,
    limits,
    clock,
    flusher,
    endings,
    total,
    policy: zeromqAgents,
    inUrls: config.zmqIn ?? usualZmqDoors.zmqIn(dataDir),
    outUrls: config.zmqOut ?? usualZmqDoors.zmqOut(dataDir),
    auth: config.zmqAuth,
    isAwaited: () => !data.isNew,
    log: (event, fields) => {
      log("warn", event, fields);
    },
  });

  // The dialects, and the WebSocket doors.
  const bridges = new Bridges({
    dialects: config.dialects,
    exchange,
    router,
    ledger,
    total,
    services: { directory, identity, limiter, tables, serverName: config.serverName, ...shown.services },
    settings: config.settings,
    requests,
    conversations,
    desk,
    clock,
    limits,
    newId,
    log,
    dataTopics,
    witness: ops.witness,
  });
  const welcome = welcomePage({
    clock,
    directory,
    dialects: config.dialects,
    zmqDoors: () => ({ in: zmtp.inEndpoints, out: zmtp.outEndpoints }),
    admitsClaims: config.zmqAuth !== "required",
  });
  const sdk = sdkPage();
  const { ws, access, tls } = assembleWebSocket(config, {
    clock,
    flusher,
    endings,
    total,
    ledger,
    pages: async (request) => (await ops.pages(request)) ?? sdk(request) ?? welcome(request),
    accept: (connection, hello) => bridges.accept(connection, hello),
    newId,
    log,
  });

  // Parts that need each other: all of them exist by now, and none has started.
  clock.hearFirst(() => Math.min(zmtp.unheardSince, ws.unheardSince));
  const claims = new ClaimWatch(clock, identity, [zeromqAgents, bridges.names], (thrown) => {
    log("error", "a name could not be taken from who claims it", { error: String(thrown) });
  });
  identity.onProved((name) => {
    claims.proved(name);
  });
  ops.watch({
    tokenConnections: [zeromqAgents, bridges],
    connections: () => doorCounts(zmtp.connections(), ws.size, bridges.status().sessions),
    sessions: () => bridges.status().admitted,
  });

  const kept = { data, tables, identity, issuers, directory, multiAgents };
  const storage = storagePart(kept, lost, [requests, coordination]);
  const warnings = part({
    start: () => {
      warnAboutDoors(config, tls, log);
      return Promise.resolve();
    },
  });
  const stored = [storage, roomLogs, mailboxes, awayMembers(directory, tables, log)];
  const doors = [zeromqAgents, desk, ...shown.inOrder, bridges, zmtp, ws, claims];
  const inOrder: Lifecycle[] = [...stored, warnings, ...ops.before, ...doors, ...ops.after];
  return {
    clock,
    data,
    ledger,
    total,
    router,
    exchange,
    directory,
    identity,
    issuers,
    requests,
    localAgents,
    mailboxes,
    zmtp,
    ws,
    access,
    tls,
    audit: ops.audit,
    inOrder,
  };
}
