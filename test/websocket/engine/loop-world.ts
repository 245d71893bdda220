import { BacklogTotal, Fault, Ledger, defaultLimits, type Limits } from "../../../src/core/index.js";
import { anyPhase, type Bucket, type Dialect, type Frame, type Rule } from "../../../src/dialect/index.js";
import {
  SessionLoop,
  type GoingOn,
  type LoopOwner,
  type LoopSession,
} from "../../../src/websocket/engine/session-loop.js";

interface Types {
  readonly command: { readonly type: string };
  readonly event: { readonly type: string };
  readonly state: undefined;
  readonly phase: string;
  readonly limits: object;
  readonly settings: object;
}
export type Command = Types["command"];
type LoopRule = Partial<Rule<Types>>;

export interface LoopOptions {
  readonly commands?: Readonly<Record<string, LoopRule>>;
  readonly limits?: Partial<Limits>;
  readonly buckets?: (command: Command) => readonly Bucket[];
  /** What a bucket says, by its key, whose parts are shown with strokes between them. */
  readonly waits?: Readonly<Record<string, number>>;
  /** In whose turns it goes on; absent: at once. */
  readonly goOn?: GoingOn;
  /** Nobody has logged in. */
  readonly isStranger?: boolean;
  /** Who has logged in; ada by default. */
  readonly agent?: string;
  readonly phase?: string;
  readonly drained?: () => void;
  /** Called after each refusal. */
  readonly refused?: () => void;
}

/** Work that does not wait for a turn. */
const now = {
  do: (work: () => void) => {
    work();
  },
};

/** A loop between a connection that says what the test says, and a session that does nothing by itself. */
export class LoopWorld {
  readonly ledger = new Ledger();
  readonly total: BacklogTotal;
  readonly refusals: { readonly code: string; readonly message: string; readonly of: string | undefined }[] = [];
  readonly faults: Fault[] = [];
  /** What ran, and what else happened, in order. */
  readonly events: string[] = [];
  /** The keys from which something was taken, as they are. */
  readonly keys: string[] = [];
  readonly session: LoopSession<Types> & { backlog: number; principal: unknown };
  readonly loop: SessionLoop<Types>;
  readonly leaving = new Set<SessionLoop<Types>>();
  /** The time is over in which what a peer said before it left is heard. */
  timeIsOver: () => void = () => undefined;

  constructor({
    commands = {},
    limits,
    buckets,
    waits = {},
    isStranger,
    agent: name = "ada",
    phase = "ready",
    drained,
    refused,
    goOn,
  }: LoopOptions = {}) {
    const { events } = this;
    const agent = isStranger === true ? undefined : name;
    const session = {
      id: "7",
      remote: "10.1.2.3",
      firstName: agent,
      isRenamed: false,
      phase,
      principal: agent === undefined ? undefined : {},
      backlog: 0,
      connection: {
        deadline: (ms: number, run: () => void) => {
          events.push(`has ${String(ms)} ms`);
          this.timeIsOver = run;
          return () => events.push("left in time");
        },
        pauseReading: () => events.push("pause"),
        resumeReading: () => events.push("read on"),
      },
      codec: { decode, encode: () => "" },
      services: {
        limiter: {
          take: (key: string, _rate: unknown, cost: number) => {
            this.keys.push(key);
            events.push(`take ${String(cost)} of ${shown(key)}`);
            return waits[shown(key)] ?? 0;
          },
          forget: (key: string) => events.push(`forget ${shown(key)}`),
        },
      },
      attempt: (run: () => void) => {
        events.push("attempt");
        run();
      },
      close: ({ code, reason }: { code: number; reason: string }) => events.push(`close ${String(code)} ${reason}`),
      end: () => {
        events.push("end");
        this.loop.end();
      },
    };
    this.session = session as unknown as LoopWorld["session"];
    const say: LoopRule = { run: (_session, { type }) => void events.push(type) };
    const dialect = {
      name: "test",
      commands: Object.fromEntries(
        Object.entries({ say: {}, more: {}, ...commands }).map(([type, rule]) => [
          type,
          { phase: anyPhase, ...say, ...rule },
        ]),
      ),
      ...(buckets !== undefined && {
        rate: { buckets: (_: unknown, command: Command) => buckets(command), refusal: "slower, please" },
      }),
      ...(drained !== undefined && { drained }),
    };
    this.total = new BacklogTotal(limits?.backlogTotalMaxBytes ?? defaultLimits.backlogTotalMaxBytes, this.ledger);
    const owner: LoopOwner<Types> = {
      dialect: dialect as unknown as Dialect<Types>,
      ledger: this.ledger,
      total: this.total,
      limits: { ...defaultLimits, ...limits },
      goOn: goOn ?? { logins: now, commands: now },
      leaving: this.leaving,
      refuse: (_session, fault, command) => {
        this.faults.push(fault);
        this.refusals.push({ code: fault.code, message: fault.message, of: command?.type });
        refused?.();
      },
      gone: () => events.push("gone"),
    };
    this.loop = new SessionLoop(owner, this.session);
  }

  /** One frame: command types between spaces; `?` is one that cannot be read. */
  says(...frames: readonly string[]): void {
    for (const frame of frames) this.loop.frame(Buffer.from(frame));
  }

  get codes(): string[] {
    return this.refusals.map(({ code }) => code);
  }
}

function decode(frame: Frame): readonly (Command | Fault)[] {
  const text = String(frame);
  if (text.startsWith("!")) throw text === "!bug" ? new TypeError("a bug") : new Fault("malformed", "no frame");
  return text.split(" ").map((type) => (type === "?" ? new Fault("malformed", "no command") : { type }));
}

/** A promise that the test settles. */
export function gate(): {
  readonly done: Promise<void>;
  readonly open: () => void;
  readonly fail: (error: unknown) => void;
} {
  let open: () => void = () => undefined;
  let fail: (error: unknown) => void = () => undefined;
  const done = new Promise<void>((resolve, reject) => ([open, fail] = [resolve, reject]));
  return {
    done,
    open: () => {
      open();
    },
    fail: (error) => {
      fail(error);
    },
  };
}

export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function shown(key: string): string {
  return key.replaceAll("\n", "/");
}
