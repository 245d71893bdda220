import { FakeClock } from "../../src/conformance/fake-clock.js";
import {
  defaultLimits,
  Exchange,
  Ledger,
  Message,
  Router,
  type Limits,
  type Outcome,
  type Subscriber,
  type Trust,
} from "../../src/core/index.js";
import { RoomLogs, type LogBounds, type LogOwner, type LogTableRow, type RoomLog } from "../../src/room-log/index.js";
import { TablesMemory, type Table } from "../../src/storage/index.js";

/** What one subscriber has heard: texts, and their places. */
export class Listener implements Subscriber {
  readonly texts: string[] = [];
  readonly places: (number | undefined)[] = [];
  readonly messages: Message[] = [];
  recipient?: Subscriber["recipient"];

  deliver(message: Message): boolean {
    this.messages.push(message);
    this.texts.push(message.envelope?.content.message ?? "?");
    this.places.push(message.envelope?.$broker?.room_seq);
    return true;
  }
}

/** Who says something, by which id. */
interface Said {
  readonly from?: string;
  readonly id?: string;
  readonly trust?: Trust;
}

/** More than any test needs. */
export const wide: LogBounds = { keepMs: 86_400_000, max: 100_000, maxBytes: 64 * 1024 * 1024 };

/** Durable rooms over a router and a table, without a broker. */
export class RoomLogWorld {
  readonly clock: FakeClock;
  readonly router = new Router();
  readonly ledger = new Ledger();
  readonly exchange: Exchange;
  readonly logs: RoomLogs;
  readonly table: Table<LogTableRow>;
  /** What went wrong behind the backs of those in the room. */
  readonly failed: string[] = [];
  readonly #origins = new Map<string, object>();
  #ids = 0;

  constructor(
    options: {
      readonly table?: Table<LogTableRow>;
      readonly limits?: Partial<Limits>;
      readonly clock?: FakeClock;
    } = {},
  ) {
    this.clock = options.clock ?? new FakeClock();
    this.table = options.table ?? new TablesMemory().table("logs");
    this.exchange = new Exchange(this.router, this.ledger, this.clock, () => `b${String((this.#ids += 1))}`);
    this.logs = new RoomLogs(this.table, {
      exchange: this.exchange,
      clock: this.clock,
      limits: { ...defaultLimits, ...options.limits },
      failed: (thrown) => this.failed.push(String(thrown)),
    });
    for (const log of this.logs.load()) this.attach(log);
  }

  /** What is said at the topic goes into the log. */
  attach(log: RoomLog): void {
    this.router.keep(log.room, {
      keep: (message) => this.logs.keep(log, message),
      arrived: () => undefined,
      left: () => undefined,
    });
  }

  /** A durable room from now on. */
  async begin(room: string, bounds: Partial<LogBounds> = {}, owner?: LogOwner): Promise<RoomLog> {
    const { log, kept } = this.logs.begin(room, { inviteOnly: false, owner, bounds: { ...wide, ...bounds } });
    this.attach(log);
    await kept;
    return log;
  }

  listen(topic: string): Listener {
    const listener = new Listener();
    this.router.subscribe(topic, listener);
    return listener;
  }

  /** @throws Fault, as who says it hears it */
  say(topic: string, text: string, { from = "ada", id = text, trust = "claimed" }: Said = {}): Outcome {
    const payload = Buffer.from(JSON.stringify({ message_id: id, from, type: "inform", content: { message: text } }));
    this.ledger.messages.accepted += 1;
    const message = Message.fromPayload(payload, {
      topic,
      receivedAt: this.clock.now(),
      trust,
      origin: this.#originOf(from),
    });
    const outcome = this.exchange.submit(message);
    payload.fill(0); // the next read of the socket
    return outcome;
  }

  /** Everybody has one connection. */
  #originOf(from: string): object {
    let origin = this.#origins.get(from);
    if (origin === undefined) this.#origins.set(from, (origin = {}));
    return origin;
  }

  /** Texts and the place behind them, as `LogReader.page` gives them. */
  read(log: RoomLog, after: number, max = 100, maxBytes = 1024 * 1024) {
    const page = this.logs.reader.page(log, after, { max, maxBytes });
    return { ...page, past: page.past.map((past) => past.message()?.envelope?.content.message) };
  }
}

/** Resolves once `is` is true, looking after each turn of the loop. */
export async function until(is: () => boolean): Promise<void> {
  while (!is()) await new Promise((resolve) => setImmediate(resolve));
}
