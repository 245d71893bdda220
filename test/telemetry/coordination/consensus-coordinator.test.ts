import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeClock } from "../../../src/conformance/fake-clock.js";
import {
  brokerTopic,
  defaultLimits,
  Exchange,
  Fault,
  Ledger,
  Message,
  Router,
  type Envelope,
} from "../../../src/core/index.js";
import { ConsensusCoordinator, Coordinations } from "../../../src/telemetry/coordination/index.js";
import type { ConsensusPlan } from "../../../src/telemetry/telemetry.js";
import { faultOf } from "../../kit/fault-of.js";

const proposal = { type: "sale", details: { price: 3 } };
const start = { initiator: "ada", trust: "proved", chargedTo: "c1", isIssued: true } as const;
const plan = (voters: readonly string[], more: Partial<ConsensusPlan> = {}): ConsensusPlan => ({
  ...start,
  participants: voters.map((id) => ({ id, role: "voter" })),
  consensusThreshold: 0.66,
  timeoutMs: 30_000,
  proposal,
  ...more,
});

describe("a consensus that the broker runs", () => {
  let clock: FakeClock;
  let exchange: Exchange;
  let ledger: Ledger;
  let coordinations: Coordinations;
  let coordinator: ConsensusCoordinator;
  /** Who is here. */
  let here: Set<string>;
  let strangers: Set<string>;
  let heard: Envelope[];
  let answering: (asked: Envelope) => void;
  let ids: number;
  const limits = { ...defaultLimits, coordinationsMax: 8, coordinationsPerAgentMax: 2 };

  beforeEach(() => {
    [clock, ledger, here, strangers, heard, ids] = [new FakeClock(), new Ledger(), new Set(), new Set(), [], 0];
    answering = () => undefined;
    const router = new Router([]);
    const newId = (): string => `id-${String((ids += 1))}`;
    exchange = new Exchange(router, ledger, clock, newId);
    router.subscribe(brokerTopic, { deliver: () => true });
    for (const name of ["ada", "bob", "cyd", "dan"]) {
      here.add(name);
      router.subscribe(name, {
        deliver: ({ envelope }) => {
          if (envelope === undefined || !here.has(name)) return false;
          heard.push(envelope);
          answering(envelope);
          return true;
        },
      });
    }
    coordinations = new Coordinations({ clock, ledger, limits, isHidden: () => false });
    const directory = {
      isReachable: (name: string) => here.has(name) || name === "flown",
      contacts: {
        mustMeet: (_one: string, other: string) => {
          if (strangers.has(other)) throw new Fault("forbidden", "not approved");
        },
      },
    } as ConstructorParameters<typeof ConsensusCoordinator>[0]["directory"];
    coordinator = new ConsensusCoordinator({ exchange, directory, limits, newId, coordinations });
    exchange.complete(({ from, to }) => (to === brokerTopic ? coordinator.owed(from) : undefined));
  });
  afterEach(() => {
    coordinator.close();
    expect(clock.waiting).toBe(0);
  });

  const says = (from: string, message: string, more: Partial<Envelope> = {}): void => {
    const envelope: Envelope = {
      message_id: `of-${from}-${String((ids += 1))}`,
      timestamp: new Date(clock.now()).toISOString(),
      from,
      to: brokerTopic,
      type: "response",
      priority: "NORMAL",
      content: { message },
      ...more,
    };
    ledger.messages.accepted += 1;
    const arrival = { topic: brokerTopic, receivedAt: clock.now(), trust: "claimed" as const, origin: {} };
    exchange.submit(Message.of(envelope, arrival));
  };
  /** What an agent was asked, in order. */
  const askedOf = (name: string): Envelope[] => heard.filter(({ to, type }) => to === name && type === "request");
  const last = (id: string): Readonly<Record<string, unknown>> => coordinations.of(id)?.[1]?.payload ?? {};
  const results = (): string[] =>
    heard.flatMap(({ to, content }) => (content.kind === "coordination.result" ? [to] : [])).sort();
  const counted = (reason: string): number => ledger.reasons[reason] ?? 0;

  it("asks each voter, tells each observer, and shows how it stands from its beginning", () => {
    const participants = [...plan(["bob", "cyd"]).participants, { id: "dan", role: "observer" as const }];
    const { coordinationId, endsAt, absent } = coordinator.start(plan([], { participants }));
    expect([endsAt - clock.now(), absent]).toEqual([30_000, []]);
    const until = new Date(endsAt).toISOString();
    const data = {
      coordinationId,
      pattern: "CONSENSUS",
      initiator: { id: "ada", trust: "proved" },
      proposal,
      threshold: 0.66,
      timeout: 30_000,
      until,
    };
    expect(askedOf("bob")).toMatchObject([
      {
        from: "$broker",
        expires_at: until,
        wait_ms: 30_000,
        conversation_id: coordinationId,
        content: {
          kind: "coordination.vote",
          message: expect.stringContaining(JSON.stringify(proposal)) as string,
          data: { ...data, role: "voter", options: ["approve", "reject", "abstain"] },
        },
      },
    ]);
    expect(heard.filter(({ to }) => to === "dan")).toMatchObject([
      { type: "inform", content: { kind: "coordination.vote", data: { ...data, role: "observer", options: [] } } },
    ]);
    expect(coordinations.of(coordinationId)?.map(({ payload }) => payload)).toEqual([
      {
        coordinationId,
        pattern: "CONSENSUS",
        initiator: { id: "ada" },
        participants,
        parameters: { consensusThreshold: 0.66, timeout: 30_000, proposal },
      },
      {
        coordinationId,
        pattern: "CONSENSUS",
        progress: 0,
        status: "VOTING",
        votes: Object.assign(Object.create(null) as object, { bob: { vote: "pending" }, cyd: { vote: "pending" } }),
        estimatedCompletion: until,
      },
    ]);
  });

  it("is approved as soon as enough approve, and all who were asked hear it", () => {
    const { coordinationId: id } = coordinator.start(plan(["bob", "cyd", "dan"]));
    clock.advance(1_000);
    says("bob", "approve");
    expect(last(id)).toMatchObject({
      progress: 1 / 3,
      status: "VOTING",
      votes: { bob: { vote: "approve", timestamp: new Date(clock.now()).toISOString() }, cyd: { vote: "pending" } },
    });
    expect(results()).toEqual([]);
    clock.advance(1_000);
    says("cyd", "whatever", { content: { message: "whatever", data: { vote: "approve" } } });
    expect(last(id)).toMatchObject({
      progress: 2 / 3,
      status: "APPROVED",
      estimatedCompletion: new Date(clock.now()).toISOString(),
      result: { decision: "APPROVED", approve: 2, reject: 0, abstain: 0, absent: 0, pending: 1, voters: 3, needed: 2 },
    });
    expect(results()).toEqual(["ada", "bob", "cyd", "dan"]);
    expect(coordinations.efficiency).toBe(1);
    expect(coordinator.owed("dan")).toBeUndefined();
  });

  it("is rejected as soon as nobody can approve it any more, abstentions counted", () => {
    const { coordinationId: id } = coordinator.start(plan(["bob", "cyd", "dan"]));
    says("bob", "Reject.");
    says("cyd", "I do not know");
    expect(last(id)).toMatchObject({
      status: "REJECTED",
      votes: { bob: { vote: "reject" }, cyd: { vote: "abstain", unreadable: true }, dan: { vote: "pending" } },
    });
    expect(counted("vote-unreadable")).toBe(1);
  });

  it("ends when its time is up", () => {
    const { coordinationId: id } = coordinator.start(plan(["bob", "cyd"], { consensusThreshold: 1 }));
    says("bob", "approve");
    clock.advance(29_999);
    expect(last(id)["status"]).toBe("VOTING");
    clock.advance(1);
    expect(last(id)).toMatchObject({ status: "TIMED_OUT", result: { decision: "TIMED_OUT", approve: 1, pending: 1 } });
    expect([results(), coordinations.efficiency]).toEqual([["ada", "bob", "cyd"], 0]);
  });

  it("counts no vote that is late, is said twice, is for nothing, or is somebody else's", () => {
    const { coordinationId: id } = coordinator.start(plan(["bob", "cyd", "dan"]));
    const [ofBob, ofCyd] = [askedOf("bob")[0]?.message_id ?? "", askedOf("cyd")[0]?.message_id ?? ""];
    says("bob", "reject", { in_reply_to: ofCyd });
    says("bob", "approve", { in_reply_to: ofBob });
    says("bob", "reject", { in_reply_to: ofBob });
    says("bob", "reject");
    says("eve", "reject");
    says("eve", "reject", { in_reply_to: "nothing" });
    says("cyd", "approve", { in_reply_to: ofCyd, type: "inform" });
    expect(last(id)).toMatchObject({ status: "VOTING", votes: { bob: { vote: "approve" }, cyd: { vote: "pending" } } });
    expect(counted("vote-foreign")).toBe(1);
    expect(counted("vote-repeated")).toBe(1);
    says("cyd", "approve");
    says("dan", "reject", { in_reply_to: askedOf("dan")[0]?.message_id ?? "" });
    expect(last(id)).toMatchObject({ status: "APPROVED", votes: { dan: { vote: "pending" } } });
    expect(counted("vote-late")).toBe(1);
  });

  it("takes an answer that names none for the oldest that is open", () => {
    const ids = [plan(["bob"]), plan(["bob"])].map((one) => coordinator.start(one).coordinationId);
    says("bob", "reject");
    expect(ids.map((id) => last(id)["status"])).toEqual(["REJECTED", "VOTING"]);
    says("bob", "approve");
    expect(ids.map((id) => last(id)["status"])).toEqual(["REJECTED", "APPROVED"]);
  });

  it("hears agents that answer at once, and asks nobody whose vote changes nothing", () => {
    answering = ({ to, type, message_id: id }) => {
      if (type === "request") says(to, "approve", { in_reply_to: id });
    };
    const { coordinationId: id } = coordinator.start(plan(["bob", "cyd", "dan"]));
    expect(last(id)["status"]).toBe("APPROVED");
    expect(askedOf("dan")).toEqual([]);
    expect(results()).toEqual(["ada", "bob", "cyd"]);
  });

  it("goes on without voters that are not here, while it can be approved", () => {
    const { absent, coordinationId: id } = coordinator.start(plan(["bob", "cyd", "gone"]));
    expect(absent).toEqual(["gone"]);
    expect(last(id)).toMatchObject({ progress: 1 / 3, status: "VOTING", votes: { gone: { vote: "absent" } } });
    // It was listed, and is not there after all.
    const more = coordinator.start(plan(["bob", "flown"], { consensusThreshold: 0.5 }));
    expect(last(more.coordinationId)).toMatchObject({ votes: { flown: { vote: "absent" } } });
    const vain = coordinator.start(plan(["bob", "flown"], { consensusThreshold: 1, chargedTo: "c2" }));
    expect(last(vain.coordinationId)["status"]).toBe("REJECTED");
  });

  it.each([
    ["nobody is here", plan(["gone"]), "not-found"],
    ["too few are here", plan(["bob", "gone"]), "not-found"],
    ["there is no voter", plan([], { participants: [{ id: "bob", role: "observer" }] }), "malformed"],
    ["somebody is named twice", plan(["bob", "bob"]), "malformed"],
    ["somebody is a room", plan(["bob", "#lab"]), "malformed"],
    ["somebody is everybody", plan(["bob", "all"]), "malformed"],
    ["somebody is the broker", plan(["bob", "$broker"]), "malformed"],
    ["somebody is no contact", plan(["bob", "stranger"]), "forbidden"],
    ["there are too many", plan(Array.from({ length: 51 }, (_, n) => `v${n}`)), "malformed"],
    ["it takes too long", plan(["bob"], { timeoutMs: 600_001 }), "malformed"],
    ["the proposal is too long", plan(["bob"], { proposal: { text: "x".repeat(9_000) } }), "too-large"],
  ])("is refused, and nobody is asked, where %s", (_why, refused, code) => {
    strangers.add("stranger");
    expect(faultOf(() => coordinator.start(refused)).code).toBe(code);
    expect([heard, coordinations.events()]).toEqual([[], []]);
  });

  it("is one of so many that one asker may have, and of so many in all", () => {
    const from = (chargedTo: string, isIssued = false): string => {
      try {
        return coordinator.start(plan(["bob"], { chargedTo, isIssued })).coordinationId;
      } catch (thrown) {
        return thrown instanceof Fault ? thrown.code : String(thrown);
      }
    };
    const first = from("c1");
    expect([from("c1"), from("c1")]).toEqual([expect.stringContaining("coordination-"), "full"]);
    says("bob", "approve");
    says("bob", "approve");
    expect(last(first)["status"]).toBe("APPROVED");
    // However soon it is decided: others are asked no more often for that.
    expect(from("c1")).toBe("full");
    clock.advance(60_000);
    expect(clock.waiting).toBe(0);
    expect(from("c1")).toContain("coordination-");
    // Strangers with ever new connections leave a quarter to those with a token of their own.
    for (let n = 0; n < 20; n += 1) from(`stranger ${n}`);
    expect([clock.waiting, from("stranger 20")]).toEqual([6, "full"]);
    for (let n = 0; n < 20; n += 1) from(`issued ${n}`, true);
    expect(clock.waiting).toBe(8);
  });
});
