import { brokerTopic, Fault, type Content, type Envelope, type Exchange, type Limits } from "../../core/index.js";
import type { Directory } from "../../directory/index.js";
import type { ConsensusPlan, Coordinator, StartedConsensus } from "../telemetry.js";
import { AskerPlaces } from "./asker-places.js";
import { Consensus } from "./consensus.js";
import { checkPlan, type PlanLimits } from "./consensus-plan.js";
import type { Coordinations } from "./coordinations.js";
import { readVote, type Decision } from "./vote.js";

/** Voters that were asked and are not waited for any more, whose further answers are known as such. */
const settledMax = 1_000;

/** What {@link ConsensusCoordinator} is made of. */
export interface CoordinatorOptions {
  readonly exchange: Exchange;
  readonly directory: Pick<Directory, "contacts" | "isReachable">;
  readonly limits: PlanLimits & Pick<Limits, "coordinationsMax" | "coordinationsPerAgentMax">;
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
  /** Gives its place back. */
  readonly leave: () => void;
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
  readonly #places: AskerPlaces;
  readonly #unfollow: () => void;

  constructor(options: CoordinatorOptions) {
    this.#options = options;
    this.#places = new AskerPlaces(options.exchange.clock, options.limits);
    this.#unfollow = options.exchange.follow((envelope, { topic }) => {
      if (topic === brokerTopic && envelope.type === "response") this.#answered(envelope);
    });
  }

  /** Nothing is heard or told any more. */
  close(): void {
    this.#unfollow();
    for (const run of this.#runs) run.cancel();
    this.#places.close();
    this.#runs.clear();
    this.#ballots.clear();
    this.#byVoter.clear();
    this.#settled.clear();
  }

  start(plan: ConsensusPlan): StartedConsensus {
    const { exchange, coordinations, directory, newId } = this.#options;
    checkPlan(plan, this.#options.limits);
    // Before anybody learns who is here.
    for (const { id } of plan.participants) directory.contacts.mustMeet(plan.initiator, id);
    this.#places.mustHaveOne(plan);
    const consensus = new Consensus(`coordination-${newId()}`, plan, exchange.clock.now());
    for (const { id, role } of plan.participants)
      if (role === "voter" && !directory.isReachable(id)) consensus.miss(id);
    const { absent, decision, id, endsAt } = consensus;
    if (decision !== undefined)
      throw new Fault(
        "not-found",
        `too few voters are here for an approval; nobody is called ${absent.slice(0, 10).join(", ")} now, and the list ` +
          "of agents tells who is here",
      );
    const run: Run = {
      consensus,
      waiting: new Set(),
      reached: new Set(),
      leave: this.#places.take(plan),
      cancel: () => undefined,
      phase: "open",
    };
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
    run.leave();
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
