import { SecureAgentSocket } from "../../../clients/typescript/agent-network/index.js";
import { Fault } from "../../core/index.js";
import type { Identity } from "./place.js";

/** Two agents with new keys, which are gone with them: the first one asks, the other one answers. */
export class SealedPair {
  readonly #one: Watched;
  readonly #other: Watched;
  readonly #withinMs: number;
  #asked: Promise<unknown> = Promise.resolve();

  private constructor(one: Watched, other: Watched, withinMs: number) {
    this.#one = one;
    this.#other = other;
    this.#withinMs = withinMs;
  }

  /**
   * Connects both.
   * @param withinMs how long each step may take
   * @throws Fault unavailable, with what the broker says
   */
  static async open(url: string, one: Identity, other: Identity, withinMs: number): Promise<SealedPair> {
    const [first, second] = [new Watched(url, one, other.name), new Watched(url, other, one.name)];
    const pair = new SealedPair(first, second, withinMs);
    try {
      await pair.#within("both are connected", Promise.all([first.socket.connect(), second.socket.connect()]));
      return pair;
    } catch (thrown) {
      await pair.close();
      throw thrown;
    }
  }

  /** The first asks something; resolves when both have a key. @throws Fault timeout, with what was refused meanwhile */
  async handshake(): Promise<void> {
    const { socket } = this.#other;
    socket.messageHandlers.set("QUERY", (message) => socket.respond(message, { data: { heard: true } }));
    this.#asked = this.#one.socket.query(this.#other.socket.agentId, "CUSTOM", { text: "do you hear me?" });
    this.#asked.catch(() => undefined); // roundTrip hears of it
    const keys = Promise.all([this.#one.met, this.#other.met]);
    await this.#within("both have a key", Promise.race([keys, this.#refused()]));
  }

  /** Resolves when the answer has come and both messages have their receipts. @throws Fault as {@link handshake} */
  async roundTrip(): Promise<void> {
    await this.#within("the answer has come", Promise.race([this.#asked, this.#refused()]));
    await this.#within("both have their receipts", Promise.all([this.#one.delivered, this.#other.delivered]));
  }

  /** Rejects when a message of one of the two is given up; never resolves. */
  #refused(): Promise<never> {
    return new Promise((_resolve, reject) => {
      for (const { delivered } of [this.#one, this.#other]) delivered.catch(reject);
    });
  }

  /** What is waited for, if it comes in time. @throws Fault timeout, unavailable */
  async #within<T>(what: string, wanted: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        const trouble = [...this.#one.trouble, ...this.#other.trouble].slice(-3);
        const why = trouble.length === 0 ? "nobody said why" : trouble.join("; ");
        reject(new Fault("timeout", `not within ${this.#withinMs / 1_000} s: ${what} (${why})`));
      }, this.#withinMs);
    });
    try {
      return await Promise.race([wanted, late]);
    } catch (thrown) {
      if (thrown instanceof Fault) throw thrown;
      throw new Fault("unavailable", thrown instanceof Error ? thrown.message : String(thrown), { cause: thrown });
    } finally {
      clearTimeout(timer);
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#one.socket.close(), this.#other.socket.close()]);
  }
}

/** One of the two, and what has become of it. */
class Watched {
  readonly socket: SecureAgentSocket;
  /** It has a key for the other one, at version 2. */
  readonly met: Promise<void>;
  /** What it has said has its receipt. Rejects when it is given up. */
  readonly delivered: Promise<void>;
  readonly trouble: string[] = [];

  constructor(url: string, { name, token }: Identity, peer: string) {
    const socket = new SecureAgentSocket(url, token, name);
    this.socket = socket;
    const tell = (message: string): void => {
      this.trouble.push(`${name}: ${message}`);
    };
    socket.onSecurityEvent = ({ kind, message }) => {
      tell(`${kind}: ${message}`);
    };
    socket.onError = ({ message }) => {
      tell(message);
    };
    this.met = new Promise((resolve) => {
      socket.onPeer = (facts) => {
        if (facts.peer === peer && facts.mode === 2) resolve();
      };
    });
    this.delivered = new Promise((resolve, reject) => {
      socket.onDelivery = ({ state, message = "a message was not delivered" }) => {
        if (state === "delivered") resolve();
        if (state === "failed") reject(new Fault("forbidden", `${name}: ${message}`));
      };
    });
    this.delivered.catch(() => undefined); // whoever waits for it hears of it
  }
}
