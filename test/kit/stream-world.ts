import { gunzipSync, inflateSync } from "node:zlib";
import type { Insight } from "#dialect";
import { FrameReader, type BinaryFrame } from "../../bridges/visualisation/binary/index.js";
import { drained, enter, leave, serve } from "../../bridges/visualisation/streams/serve.js";
import { streamNames, type StreamName } from "../../bridges/visualisation/streams/stream-name.js";
import type { StreamService, StreamSession } from "../../bridges/visualisation/streams/stream-session.js";
import type { Outlet } from "../../bridges/visualisation/streams/outlet.js";
import { ScriptedTelemetry } from "./scripted-telemetry.js";

/** One message as a client reads it. */
export interface Heard {
  readonly type: string;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** Of `channel.dropped`. */
  readonly dropped?: number;
  readonly channelId?: string | null;
}

/** What a viewer's session is like. */
export interface ViewerOptions {
  readonly insight?: Insight | undefined;
  readonly binary?: boolean;
  readonly compression?: StreamSession["state"]["compression"];
  readonly streams?: readonly StreamName[];
  readonly positionRate?: number;
}

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

/** Streams with viewers that have no sockets, in a time of their own. */
export class StreamWorld {
  readonly telemetry = new ScriptedTelemetry();
  readonly viewers = new Map<string, TestViewer>();
  now = 1_000_000;
  broadcasts = 0;
  #timers: Timer[] = [];
  readonly #things = new Map<string, unknown>();
  readonly services = {
    telemetry: this.telemetry,
    once: <T>(name: string, make: (services: StreamSession["services"]) => T): T => {
      if (!this.#things.has(name)) this.#things.set(name, make(this.services));
      return this.#things.get(name) as T;
    },
  } as unknown as StreamSession["services"];
  readonly stop: () => void;

  constructor() {
    const service: StreamService = {
      services: this.services,
      after: (ms, run) => {
        const timer = { at: this.now + ms, run };
        this.#timers.push(timer);
        return () => {
          this.#timers = this.#timers.filter((one) => one !== timer);
        };
      },
      broadcastFrame: (frame, to) => {
        this.broadcasts += 1;
        for (const { id } of to) this.viewers.get(id)?.take(frame);
      },
    };
    this.stop = serve(service);
  }

  /** Timers that wait. */
  get timers(): number {
    return this.#timers.length;
  }

  viewer(options: ViewerOptions = {}): TestViewer {
    const viewer = new TestViewer(this, `v${String(this.viewers.size + 1)}`, options);
    this.viewers.set(viewer.session.id, viewer);
    enter(viewer.session);
    return viewer;
  }

  /** Lets time pass. @returns what the longest turn took of the processor, milliseconds */
  pass(ms: number): number {
    const end = this.now + ms;
    let longest = 0;
    for (;;) {
      const next = this.#timers.filter(({ at }) => at <= end).sort((one, other) => one.at - other.at)[0];
      if (next === undefined) break;
      this.#timers.splice(this.#timers.indexOf(next), 1);
      this.now = Math.max(this.now, next.at);
      const before = process.cpuUsage();
      next.run();
      const { user, system } = process.cpuUsage(before);
      longest = Math.max(longest, (user + system) / 1_000);
    }
    this.now = end;
    return longest;
  }
}

/** A viewer: what it was sent, and a socket that can be full. */
export class TestViewer {
  readonly session: StreamSession & { backlog: number; state: TestState };
  readonly frames: (string | Buffer)[] = [];
  /** What is sent stays in its backlog. */
  isStuck = false;

  constructor(world: StreamWorld, id: string, options: ViewerOptions) {
    const { binary = false, compression, streams = streamNames, positionRate = 30 } = options;
    const insight = "insight" in options ? options.insight : "inspect";
    let ids = 0;
    this.session = {
      id,
      backlog: 0,
      limits: { wsBacklogMaxBytes: 1024 * 1024 } as StreamSession["limits"],
      services: world.services,
      now: () => world.now,
      newId: () => `${id}-${String((ids += 1))}`,
      sendFrame: (frame) => {
        this.take(frame);
      },
      send: (event) => {
        this.take(JSON.stringify(event));
      },
      state: { insight, binary, compression, streams: new Set(streams), positionRate, outlet: undefined },
    };
  }

  take(frame: string | Buffer): void {
    this.frames.push(frame);
    if (this.isStuck) this.session.backlog += frame.length;
  }

  get outlet(): Outlet {
    const { outlet } = this.session.state;
    if (outlet === undefined) throw new Error("it has heard nothing");
    return outlet;
  }

  /** Reads all that waits. */
  drains(): void {
    this.isStuck = false;
    this.session.backlog = 0;
    drained(this.session);
  }

  /** Its socket is full. */
  sticks(): void {
    this.isStuck = true;
    this.session.backlog = this.session.limits.wsBacklogMaxBytes;
  }

  /** Selects other streams, or sees more or less. */
  changes(state: Partial<TestState>): void {
    Object.assign(this.session.state, state);
    enter(this.session);
  }

  leaves(): void {
    leave(this.session);
  }

  /** The JSON messages since the last call of `forget`, compressed ones opened. */
  texts(type?: string): readonly Heard[] {
    const all = this.frames.flatMap((frame) => (typeof frame === "string" ? [frame] : linesOf(frame)));
    const heard = all.map((text) => JSON.parse(text) as Heard);
    return type === undefined ? heard : heard.filter((one) => one.type === type);
  }

  /** The binary frames, compressed ones opened. */
  binaries(): readonly BinaryFrame[] {
    return this.frames.flatMap((frame) => (typeof frame === "string" ? [] : framesOf(frame)));
  }

  forget(): void {
    this.frames.length = 0;
  }
}

type TestState = { -readonly [K in keyof StreamSession["state"]]: StreamSession["state"][K] };

function read(frame: Uint8Array): readonly BinaryFrame[] {
  const reader = new FrameReader();
  const frames = reader.push(frame);
  const last = reader.end();
  return last === undefined ? frames : [...frames, last];
}

function opened(frame: Uint8Array): Buffer | undefined {
  const [only] = read(frame);
  if (only?.type !== "compressed") return undefined;
  const bytes = only.data[0] === 0x1f ? gunzipSync(only.data) : inflateSync(only.data);
  if (bytes.length !== only.originalSize) throw new Error("a compressed batch is not as large as it says");
  return bytes;
}

function linesOf(frame: Buffer): readonly string[] {
  const bytes = opened(frame);
  return bytes?.[0] === 0x7b ? bytes.toString().trimEnd().split("\n") : [];
}

function framesOf(frame: Buffer): readonly BinaryFrame[] {
  const bytes = opened(frame);
  if (bytes === undefined) return read(frame);
  return bytes[0] === 0x7b ? [] : read(bytes);
}
