import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ByteWatcher } from "../../../src/core/index.js";
import { encodeFrame, moreFlag } from "../../../src/zeromq/wire/codec.js";
import { encodeCommand } from "../../../src/zeromq/wire/commands.js";
import { Ear, ForwardWorld, push } from "./forward-world.js";
import { message } from "./raw-peer.js";
import { isExact } from "./world.js";

/** Writes down what it is shown, and wants so many messages of each run. */
class Watcher implements ByteWatcher {
  readonly runs: { readonly topic: string; readonly count: number; readonly bytes: number }[] = [];
  readonly seen: string[] = [];
  seenBytes = 0;
  readonly senders: {
    readonly topic: string;
    readonly from: string;
    readonly count: number;
    readonly bytes: number;
  }[] = [];
  readonly #wanted: (count: number) => number;

  constructor(wanted: (count: number) => number) {
    this.#wanted = wanted;
  }

  passed(topic: string, count: number, bytes: number): number {
    this.runs.push({ topic, count, bytes });
    return this.#wanted(count);
  }

  saw(topic: string, payload: Buffer, bytes: number): void {
    this.seen.push(`${topic}=${payload.toString("latin1")}`);
    this.seenBytes += bytes;
  }

  sender(topic: string, from: string, count: number, bytes: number): void {
    this.senders.push({ topic, from, count, bytes });
  }
}

/** Each sender as often as messages of it were counted. */
function senders({ senders: counted }: Watcher): string[] {
  return counted.flatMap(({ from, count }) => Array<string>(count).fill(from)).sort();
}

const names = ["alice", "bob", "zoë", "x".repeat(300)];

describe("showing what passes as bytes", () => {
  it("shows each run once, as many of its messages as are wanted, from the first on", () => {
    const world = new ForwardWorld();
    for (const name of names) world.router.subscribe(name, new Ear());
    const watcher = new Watcher(() => 2);
    const end = world.router.passing.watch(watcher);
    const run = ["1", "2", "3"].map((text) => message("bob", text));
    push(world.publisher(), Buffer.concat([...run, message("alice", "4")]));
    expect(watcher.runs).toEqual([
      { topic: "bob", count: 3, bytes: Buffer.concat(run).length },
      { topic: "alice", count: 1, bytes: message("alice", "4").length },
    ]);
    expect(watcher.seen).toEqual(["bob=1", "bob=2", "alice=4"]);
    end();
    push(world.publisher(), message("bob", "5"));
    expect(watcher.runs).toHaveLength(2);
  });

  it("shows nothing of what the policy gets, and lets one look at a time", () => {
    const world = new ForwardWorld();
    world.router.subscribe("bob", new Ear());
    const [first, second] = [new Watcher(() => 1), new Watcher(() => 1)];
    const end = world.router.passing.watch(first);
    world.router.passing.watch(second);
    end();
    push(world.publisher("PLAIN"), message("bob", "1"));
    push(world.publisher(), message("nobody", "2"), message("$events", "3"), message("bob", "4", "5"), message("bob"));
    expect(second.runs).toEqual([]);
    push(world.publisher(), message("bob", "6"));
    expect([first.seen, second.seen]).toEqual([[], ["bob=6"]]);
  });

  it("finds who has sent the others, in rows, wherever the name stands", () => {
    const world = new ForwardWorld();
    world.router.subscribe("bob", new Ear());
    const watcher = new Watcher(() => 1);
    world.router.passing.watch(watcher);
    const text = (from: string, before: Readonly<Record<string, unknown>> = {}, more = {}): Buffer =>
      message("bob", JSON.stringify({ ...before, from, type: "inform", ...more }));
    const long = "n".repeat(128);
    const rows: readonly (readonly [string | undefined, readonly Buffer[]])[] = [
      ["ada", [text("ada"), text("ada"), text("ada", { message_id: "1" }), text("ada", { message_id: "22" })]],
      ["bob", [text("bob", { message_id: "33" }), text("bob", {}, { content: { from: "eve" } })]],
      ["adam", [text("adam")]],
      ["ada", [text("ada"), message("bob", '{ "type": "inform", "from"  :   "ada" }')]],
      [
        undefined,
        [message("bob", "{}"), message("bob", "{"), text("all"), text(`${long}n`), message("bob", '{"from":1}')],
      ],
      [long, [text(long), text(long)]],
      ["zoë", [text("zoë"), message("bob", '{"From":"zoë"}')]],
      ["ada", [message("bob", '{"x":"from","from":"ada"}')]],
    ];
    push(world.publisher(), Buffer.concat([text("first"), ...rows.flatMap(([, some]) => some)]));
    expect(watcher.senders).toEqual(
      rows.flatMap(([from, some]) =>
        from === undefined ? [] : { topic: "bob", from, count: some.length, bytes: Buffer.concat(some).length },
      ),
    );
  });

  it("changes nothing of what is forwarded and counted, however the bytes are cut", () => {
    const topic = fc.constantFrom(...names, "nobody", "$broker");
    const body = fc.oneof(
      fc.string({ maxLength: 30 }),
      fc.integer({ min: 200, max: 70_000 }).map((size) => "p".repeat(size)),
      fc.constantFrom(
        '{"from":"ada","type":"inform"}',
        '{"from":"eve","type":"inform"}',
        '{"id":"12","from":"ada"}',
        '{"id":"123","from":"ada"}',
        '{"from":"$broker"}',
        '{"trust":"proved"}',
        '{"from":"ada","x":"$"}',
      ),
    );
    const ping = encodeCommand("PING", Buffer.from([0, 0, 1]));
    const sent = fc.oneof(
      { weight: 10, arbitrary: fc.tuple(topic, body).map(([to, text]) => message(to, text)) },
      { weight: 1, arbitrary: fc.array(body, { minLength: 1, maxLength: 4 }).map((parts) => message(...parts)) },
      { weight: 1, arbitrary: fc.constant(ping) },
      {
        weight: 1,
        arbitrary: fc
          .tuple(topic, body)
          .map(([to, text]) =>
            Buffer.concat([encodeFrame(moreFlag, Buffer.from(to)), ping, encodeFrame(0, Buffer.from(text))]),
          ),
      },
    );
    fc.assert(
      fc.property(
        fc.array(sent, { maxLength: 20 }),
        fc.array(fc.nat(), { maxLength: 8 }),
        fc.nat({ max: 4 }),
        (messages, places, wanted) => {
          const bytes = Buffer.concat(messages);
          const ends = [...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
          const run = (watcher: Watcher | undefined): unknown => {
            const world = new ForwardWorld();
            const ears = names.map((name) => {
              const ear = new Ear();
              world.router.subscribe(name, ear);
              return ear;
            });
            if (watcher !== undefined) world.router.passing.watch(watcher);
            push(world.publisher(), ...ends.map((end, at) => bytes.subarray(at === 0 ? 0 : ends[at - 1], end)));
            expect(isExact(world.ledger)).toBe(true);
            const { ledger, policy, commands } = world;
            const heard = ears.map((ear) => ear.heard);
            return { heard, handed: policy.messages.map(({ topic: to, payload }) => [to, payload]), commands, ledger };
          };
          const all = new Watcher((count) => count);
          const none = new Watcher(() => 0);
          const some = new Watcher((count) => Math.min(count, wanted));
          const alone = run(undefined) as { readonly heard: readonly (readonly string[])[] };
          expect(run(all)).toEqual(alone);
          expect(run(some)).toEqual(alone);
          expect(run(none)).toEqual(alone);
          expect(some.runs).toEqual(all.runs);
          // Whoever wants to see everything sees exactly what was forwarded, byte by byte.
          const shown = names.map((name) => all.seen.filter((line) => line.startsWith(`${name}=`)));
          expect(shown).toEqual(alone.heard.map((lines) => lines.map((line) => line)));
          expect(all.seenBytes).toBe(all.runs.reduce((sum, { bytes: size }) => sum + size, 0));
          expect(senders(none)).toEqual(
            all.seen.flatMap((line) => /^[^=]*=.*"from":"(\w+)"/.exec(line)?.slice(1) ?? []).sort(),
          );
          expect(some.seen).toHaveLength(all.runs.reduce((sum, { count }) => sum + Math.min(count, wanted), 0));
        },
      ),
      { seed: 16, numRuns: 200 },
    );
  });
});
