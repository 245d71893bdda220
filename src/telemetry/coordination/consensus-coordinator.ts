import {
  agentNameProblem,
  brokerTopic,
  Fault,
  SplitAllotment,
  type Content,
  type Envelope,
  type Exchange,
  type Limits,
} from "../../core/index.js";
import type { Directory } from "../../directory/index.js";
import type { ConsensusPlan, Coordinator, StartedConsensus } from "../telemetry.js";
import { Consensus } from "./consensus.js";
import type { Coordinations } from "./coordinations.js";
import { readVote, type Decision } from "./vote.js";

/** Voters that were asked and are not waited for any more, whose further answers are known as such. */
const settledMax = 1_000;

/** What {@link ConsensusCoordinator} is made of. */
export interface CoordinatorOptions {
  readonly exchange: Exchange;
  readonly directory: Pick<Directory, "contacts" | "isReachable">;
  readonly limits: Pick<
    Limits,
    | "coordinationsMax"
    | "coordinationsPerAgentMax"
    | "coordinationParticipantsMax"
    | "coordinationMaxMs"
    | "coordinationMaxBytes"
  >;
  readonly newId: () => string;
  /** Where its coordinations are told. */
  readonly coordinations: Pick<Coordinations, "begin" | "advance">;
}

/** A coordination under way. */
interface Run {
  readonly consensus: Consensus;
  /** What the voters are asked, by the id of the request; those who have answered are not in it. */
  readonly waiting: Set<string>;
  /** Participants that could be reached. */
  readonly reached: Set<string>;
  cancel: () => void;
  phase: "open" | "over";
}

/** A voter that is asked. */
interface Ballot {
  readonly voter: string;
  readonly run: Run;
}

/** A voter that has answered, or that is not waited for any more. */
interface Settled {
  readonly voter: string;
  readonly isVoted: boolean;
}

/**
 * Has agents of any dialect vote: each voter hears a request of kind `coordination.vote` from `$broker`, and its response
 * is its vote (Visualisation §3.8).
 */
export class ConsensusCoordinator implements Coordinator {
  readonly #options: CoordinatorOptions;
  // bound: coordinationsMax · evicts: one when it is decided or its time is up · owner: ConsensusCoordinator
  readonly #runs = new Set<Run>();
  // bound: coordinationsMax × coordinationParticipantsMax · evicts: when the voter has answered, or the vote is over ·
  // owner: ConsensusCoordinator
  readonly #ballots = new Map<string, Ballot>();
  // bound: as #ballots · evicts: with them · owner: ConsensusCoordinator
  readonly #byVoter = new Map<string, Set<string>>();
  // bound: settledMax · evicts: the oldest · owner: ConsensusCoordinator
  readonly #settled = new Map<string, Settled>();
  // bound: as #runs · evicts: with the last one · owner: ConsensusCoordinator
  readonly #perAsker = new Map<string, number>();
  readonly #places: SplitAllotment;
  readonly #unfollow: () => void;

  constructor(options: CoordinatorOptions) {
    this.#options = options;
    this.#places = new SplitAllotment(() => options.limits.coordinationsMax, 0);
    this.#unfollow = options.exchange.follow((envelope, { topic }) => {
      if (topic === brokerTopic && envelope.type === "response") this.#answered(envelope);
    });
  }

  /** Nothing is heard or told any more. */
  close(): void {
    this.#unfollow();
    for (const run of this.#runs) run.cancel();
    this.#runs.clear();
    this.#ballots.clear();
    this.#byVoter.clear();
    this.#settled.clear();
    this.#perAsker.clear();
  }

  start(plan: ConsensusPlan): StartedConsensus {
    const { exchange, coordinations, newId } = this.#options;
    this.#check(plan);
    const consensus = new Consensus(`coordination-${newId()}`, plan, exchange.clock.now());
    for (const { id, role } of plan.participants) if (role === "voter" && !this.#isHere(id)) consensus.miss(id);
    const { absent, decision, id, endsAt } = consensus;
    if (decision !== undefined)
      throw new Fault(
        "not-found",
        `too few voters are here for an approval; nobody is called ${absent.slice(0, 10).join(", ")} now, and the list ` +
          "of agents tells who is here",
      );
    const run: Run = { consensus, waiting: new Set(), reached: new Set(), cancel: () => undefined, phase: "open" };
    this.#take(plan, 1);
    this.#runs.add(run);
    coordinations.begin(plan.initiator, consensus.initiated);
    run.cancel = exchange.clock.after(plan.timeoutMs, () => {
      this.#end(run, "TIMED_OUT");
    });
    this.#advance(run);
    this.#ask(run);
    return { coordinationId: id, endsAt, absent };
  }

  /** The oldest of what `voter` is asked and has not answered: a response that does not say what it answers is for it. */
  owed(voter: string): string | undefined {
    const [oldest] = this.#byVoter.get(voter) ?? [];
    return oldest;
  }

  /** @throws Fault malformed, forbidden, full */
  #check({ initiator, participants, timeoutMs, proposal, chargedTo, isIssued }: ConsensusPlan): void {
    const { limits, directory } = this.#options;
    const { coordinationParticipantsMax, coordinationMaxMs, coordinationMaxBytes, coordinationsPerAgentMax } = limits;
    const names = new Set(participants.map(({ id }) => id));
    if (names.size !== participants.length) throw new Fault("malformed", "data.participants names somebody twice");
    if (participants.length > coordinationParticipantsMax)
      throw new Fault(
        "malformed",
        `data.participants are ${coordinationParticipantsMax} at most (coordinationParticipantsMax)`,
      );
    if (!participants.some(({ role }) => role === "voter"))
      throw new Fault("malformed", "data.participants has no voter");
    for (const name of names) {
      const problem = agentNameProblem(name);
      if (problem !== undefined)
        throw new Fault("malformed", `data.participants are agents; ${JSON.stringify(name.slice(0, 128))} ${problem}`);
    }
    if (timeoutMs > coordinationMaxMs)
      throw new Fault("malformed", `data.parameters.timeout is ${coordinationMaxMs} at most (coordinationMaxMs)`);
    if (Buffer.byteLength(JSON.stringify(proposal)) > coordinationMaxBytes)
      throw new Fault("too-large", `a proposal has ${coordinationMaxBytes} bytes at most (coordinationMaxBytes)`);
    // Before anybody learns who is here.
    for (const name of names) directory.contacts.mustMeet(initiator, name);
    const own = this.#perAsker.get(chargedTo) ?? 0;
    if (own >= coordinationsPerAgentMax)
      throw new Fault("full", `you have ${own} coordinations under way (coordinationsPerAgentMax); let one end first`);
    if (!this.#places.of(isIssued).allows(own))
      throw new Fault(
        "full",
        "as many coordinations are under way as the broker runs (coordinationsMax), or your share; try again later",
      );
  }

  #isHere(name: string): boolean {
    return this.#options.directory.isReachable(name);
  }

  #take({ chargedTo, isIssued }: ConsensusPlan, count: 1 | -1): void {
    this.#places.of(isIssued).used += count;
    const own = (this.#perAsker.get(chargedTo) ?? 0) + count;
    if (own === 0) this.#perAsker.delete(chargedTo);
    else this.#perAsker.set(chargedTo, own);
  }

  /** Each voter gets its request; an agent in this process answers at once, which may decide it already. */
  #ask(run: Run): void {
    const { consensus, reached } = run;
    const { absent, endsAt, id, plan } = consensus;
    const about = { conversation_id: id, expires_at: new Date(endsAt).toISOString() };
    const contents = { voter: consensus.asking("voter"), observer: consensus.asking("observer") };
    let isMissed = false;
    for (const { id: name, role } of plan.participants) {
      if (run.phase === "over") return;
      if (absent.includes(name)) continue;
      const content = contents[role];
      reached.add(name);
      const isTold =
        role === "voter"
          ? this.#askVoter(run, name, { type: "request", content, ...about, wait_ms: plan.timeoutMs })
          : this.#tell(name, { type: "inform", content, ...about });
      if (isTold) continue;
      reached.delete(name);
      if (role === "observer") continue;
      consensus.miss(name);
      isMissed = true;
    }
    if (isMissed) this.#settle(run);
  }

  /** @returns false if it is not there after all */
  #askVoter(run: Run, voter: string, request: Pick<Envelope, "type" | "content"> & Partial<Envelope>): boolean {
    const id = this.#options.newId();
    this.#ballots.set(id, { voter, run });
    run.waiting.add(id);
    const asked = this.#byVoter.get(voter);
    if (asked === undefined) this.#byVoter.set(voter, new Set([id]));
    else asked.add(id);
    const isTold = this.#tell(voter, { ...request, message_id: id });
    if (!isTold) this.#forget(id, voter, run);
    return isTold;
  }

  /** @returns false if nobody is there */
  #tell(name: string, body: Pick<Envelope, "type" | "content"> & Partial<Envelope>): boolean {
    const { receivers, stored } = this.#options.exchange.announce(name, body);
    return receivers > 0 || stored;
  }

  #answered(envelope: Envelope): void {
    const { ledger, clock } = this.#options.exchange;
    const { in_reply_to: id, from, content } = envelope;
    if (id === undefined) return;
    const ballot = this.#ballots.get(id);
    const settled = ballot === undefined ? this.#settled.get(id) : undefined;
    const voter = ballot?.voter ?? settled?.voter;
    if (voter === undefined) return;
    if (voter !== from) ledger.count("vote-foreign");
    else if (ballot === undefined) ledger.count(settled?.isVoted === true ? "vote-repeated" : "vote-late");
    else {
      const vote = readVote(content);
      if (vote === undefined) ledger.count("vote-unreadable");
      const { run } = ballot;
      this.#forget(id, voter, run);
      this.#remember(id, { voter, isVoted: true });
      run.consensus.hear(voter, vote, clock.now());
      this.#settle(run);
    }
  }

  /** Tells how it stands, and ends it where it is decided. */
  #settle(run: Run): void {
    const { decision } = run.consensus;
    if (decision === undefined) this.#advance(run);
    else this.#end(run, decision);
  }

  #advance({ consensus }: Run): void {
    const { coordinations, exchange } = this.#options;
    coordinations.advance(consensus.progressed(exchange.clock.now(), "VOTING"));
  }

  #end(run: Run, status: Decision | "TIMED_OUT"): void {
    const { coordinations, exchange } = this.#options;
    const { consensus } = run;
    run.phase = "over";
    run.cancel();
    for (const id of [...run.waiting]) {
      const voter = this.#ballots.get(id)?.voter;
      if (voter === undefined) continue;
      this.#forget(id, voter, run);
      this.#remember(id, { voter, isVoted: false });
    }
    this.#runs.delete(run);
    this.#take(consensus.plan, -1);
    const last = consensus.progressed(exchange.clock.now(), status);
    coordinations.advance(last, status !== "TIMED_OUT");
    const content: Content = { message: consensus.outcome(status), kind: "coordination.result", data: last };
    for (const name of new Set([consensus.plan.initiator, ...run.reached]))
      this.#tell(name, { type: "inform", content, conversation_id: consensus.id });
  }

  /** A voter is not waited for any more. */
  #forget(id: string, voter: string, run: Run): void {
    this.#ballots.delete(id);
    run.waiting.delete(id);
    const asked = this.#byVoter.get(voter);
    asked?.delete(id);
    if (asked?.size === 0) this.#byVoter.delete(voter);
  }

  #remember(id: string, settled: Settled): void {
    this.#settled.set(id, settled);
    const [oldest] = this.#settled.keys();
    if (this.#settled.size > settledMax && oldest !== undefined) this.#settled.delete(oldest);
  }
}
