import type { Insight } from "#dialect";
import { piecesOf, type Batch } from "./batch.js";
import type { Packing } from "./packing.js";
import type { ShownStream } from "./stream-name.js";
import type { Compression, StreamService } from "./stream-session.js";
import type { Job } from "./turns.js";
import type { Viewer } from "./viewer.js";

/** One WebSocket message of several binary frames at most, and of messages that are compressed together, bytes. */
const messageBytesMax = 64 * 1024;

/** A frame goes to so many in one piece of work. */
const castMax = 250;

const insights: readonly Insight[] = ["observe", "inspect"];
const lineFeed = Buffer.from("\n");

/** Those who hear a batch in the same form. */
interface Group {
  readonly compression: Compression | undefined;
  readonly viewers: Viewer[];
}

/** Hands batches to viewers: written once for all who hear the same in the same form. */
export class Delivery {
  readonly #service: Pick<StreamService, "broadcastFrame">;
  readonly #packing: Packing;

  constructor(service: Pick<StreamService, "broadcastFrame">, packing: Packing) {
    this.#service = service;
    this.#packing = packing;
  }

  /**
   * Tells viewers a batch, in pieces. Who cannot be told now misses the batch.
   * @param isFirst it is told to who catches up, behind what announces those whom it is about
   */
  *tell(batch: Batch, viewers: readonly Viewer[], isFirst = false): Job {
    const about: About = { batch, missed: new Set(), isFirst };
    for (const insight of insights) {
      const those = viewers.filter((viewer) => viewer.insight === insight && viewer.wants(batch.stream));
      if (those.length === 0) continue;
      const inChannels: Viewer[] = [];
      const texts = new Groups();
      const frames = new Groups();
      for (const viewer of those) {
        if (viewer.outlet.carrierOf(batch.stream) !== undefined) inChannels.push(viewer);
        else if (!viewer.isBinary) texts.add(viewer, viewer.compression);
        else if (batch.frames === undefined) texts.add(viewer, undefined);
        else frames.add(viewer, viewer.compression);
      }
      if (inChannels.length > 0 || texts.size > 0)
        for (const piece of batch.texts(insight)) yield* this.#texts(piece, inChannels, texts, about);
      if (frames.size > 0 && batch.frames !== undefined)
        for (const piece of batch.frames(insight)) yield* this.#frames(piece, frames, about);
    }
  }

  *#texts(piece: readonly string[], inChannels: readonly Viewer[], groups: Groups, about: About): Job {
    const plain = groups.plain;
    for (const text of piece) {
      for (const some of piecesOf(inChannels)) {
        for (const viewer of some) sayIn(viewer, text, about);
        yield;
      }
      yield* this.#cast(text, plain, about);
    }
    for (const { compression, viewers } of groups.packed())
      for (const bundle of bundlesOf(piece)) {
        const able = ableOf(viewers, about);
        if (able.length === 0) break;
        const bytes = Buffer.concat(bundle.flatMap((text) => [Buffer.from(text), lineFeed]));
        const packed = this.#packing.pack(compression, bytes);
        yield;
        if (packed === undefined) for (const text of bundle) yield* this.#cast(text, viewers, about);
        else yield* this.#cast(packed, able, about);
      }
  }

  *#frames(piece: readonly (Uint8Array | string)[], groups: Groups, about: About): Job {
    const frames: Uint8Array[] = [];
    for (const one of piece) {
      if (typeof one === "string") for (const { viewers } of groups.all()) yield* this.#cast(one, viewers, about);
      else frames.push(one);
    }
    for (const bundle of bundlesOf(frames)) {
      const bytes = Buffer.concat(bundle);
      yield* this.#cast(bytes, groups.plain, about);
      for (const { compression, viewers } of groups.packed()) {
        const able = ableOf(viewers, about);
        if (able.length > 0) yield* this.#cast(this.#packing.pack(compression, bytes) ?? bytes, able, about);
      }
    }
  }

  *#cast(frame: string | Buffer, viewers: readonly Viewer[], about: About): Job {
    for (const some of piecesOf(viewers, castMax)) {
      const able = ableOf(some, about);
      if (able.length > 0)
        this.#service.broadcastFrame(
          frame,
          able.map(({ session }) => session),
        );
      yield;
    }
  }
}

/** The batch that is told, and who misses it. */
interface About {
  readonly batch: Batch;
  readonly missed: Set<Viewer>;
  readonly isFirst: boolean;
}

/** Those that name agents by their numbers. */
const numbered: ReadonlySet<ShownStream> = new Set([
  "agent.positions",
  "agent.state.changed",
  "agent.performance.update",
]);

/** Viewers by the form in which they hear something. */
class Groups {
  // bound: algorithms × levels that are granted · evicts: with the batch · owner: Groups
  readonly #groups = new Map<string, Group>();

  get size(): number {
    return this.#groups.size;
  }

  add(viewer: Viewer, compression: Compression | undefined): void {
    const key = compression === undefined ? "" : `${compression.algorithm} ${String(compression.level)}`;
    const group = this.#groups.get(key);
    if (group === undefined) this.#groups.set(key, { compression, viewers: [viewer] });
    else group.viewers.push(viewer);
  }

  /** Those whose frames are not compressed. */
  get plain(): readonly Viewer[] {
    return this.#groups.get("")?.viewers ?? [];
  }

  *packed(): Generator<{ readonly compression: Compression; readonly viewers: readonly Viewer[] }> {
    for (const { compression, viewers } of this.#groups.values())
      if (compression !== undefined) yield { compression, viewers };
  }

  all(): Iterable<Group> {
    return this.#groups.values();
  }
}

/** Those who can be told now; the others miss the batch, once. */
function ableOf(viewers: readonly Viewer[], about: About): readonly Viewer[] {
  return viewers.every((viewer) => isAble(viewer, about)) ? viewers : viewers.filter((viewer) => isAble(viewer, about));
}

function isAble(viewer: Viewer, { batch, missed, isFirst }: About): boolean {
  if (missed.has(viewer) || viewer.phase === "gone") return false;
  // It fell behind since the batch was chosen, and may not have heard of all who are in it.
  const isUnprepared = viewer.phase !== "live" && !isFirst && numbered.has(batch.stream);
  if (!isUnprepared && !viewer.outlet.isHeld) return true;
  missed.add(viewer);
  batch.missed(viewer);
  return false;
}

/** In a channel messages wait for the socket. But agents are announced in time, and never dropped. */
function sayIn(viewer: Viewer, text: string, about: About): void {
  const { stream } = about.batch;
  const channel = viewer.outlet.carrierOf(stream);
  if (channel === undefined || viewer.phase === "gone") return;
  if (stream === "agent.registered" && !isAble(viewer, about)) return;
  // It is to be told of some agents first, and then of where all are.
  if (stream === "agent.positions" && viewer.phase !== "live") return;
  viewer.outlet.say(channel, text);
}

/** Those that go into one WebSocket message. */
function* bundlesOf<T extends string | Uint8Array>(items: readonly T[]): Generator<readonly T[]> {
  let bundle: T[] = [];
  let bytes = 0;
  for (const item of items) {
    if (bytes > 0 && bytes + item.length > messageBytesMax) {
      yield bundle;
      bundle = [];
      bytes = 0;
    }
    bundle.push(item);
    bytes += item.length;
  }
  if (bundle.length > 0) yield bundle;
}
