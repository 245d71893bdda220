import { expect } from "vitest";
import {
  defaultLimits,
  Ledger,
  Router,
  type Message,
  type Principal,
  type Sight,
  type WireSubscriber,
} from "../../../src/core/index.js";
import { FrameReader, moreFlag } from "../../../src/zeromq/wire/codec.js";
import { Forwarder } from "../../../src/zeromq/wire/forward.js";
import { RouteCache } from "../../../src/zeromq/wire/route-cache.js";
import type { PublisherPeer } from "../../../src/zeromq/wire/index.js";
import { FakeClock } from "../../../src/conformance/fake-clock.js";
import { OpenPolicy } from "./world.js";

/** Takes ranges and messages and writes down what was in them. */
export class Ear implements WireSubscriber {
  readonly heard: string[] = [];
  /** Of each range: what it lay in, its size, whether it was heard as a tap, and whether it lasts. */
  readonly given: {
    readonly chunk: Buffer;
    readonly size: number;
    readonly observed: boolean;
    readonly lasting: boolean;
  }[] = [];
  readonly sight: Sight;
  /** Stands for so many receivers: is told of each range and message. */
  heardOne: () => void = () => undefined;

  constructor(sight: Sight = "direct") {
    this.sight = sight;
  }

  deliver(given: Message): boolean {
    this.heard.push(`${given.topic}=${given.payload.toString("latin1")}`);
    this.heardOne();
    return true;
  }

  get ranges(): number {
    return this.given.length;
  }

  forward(chunk: Buffer, start: number, end: number, count: number, observed: boolean, lasting: boolean): void {
    const reader = new FrameReader(1e9);
    reader.feed(Buffer.from(chunk.subarray(start, end)));
    let topic = "";
    let seen = 0;
    for (let frame = reader.next(); frame !== undefined; frame = reader.next()) {
      if ((frame.flags & moreFlag) !== 0) topic = frame.body.toString();
      else {
        this.heard.push(`${topic}=${frame.body.toString("latin1")}`);
        seen += 1;
      }
    }
    expect(seen).toBe(count);
    this.heardOne();
    this.given.push({ chunk, size: end - start, observed, lasting });
  }
}

/** A router, a policy that writes down what it is given, and publishers on one connection that it may close. */
export class ForwardWorld {
  readonly router = new Router();
  readonly ledger = new Ledger();
  readonly policy = new OpenPolicy(this.router, this.ledger);
  readonly clock = new FakeClock();
  readonly commands: string[] = [];
  /** Reasons that would stand in the log. */
  readonly warned: string[] = [];
  closesAtCommand = false;
  #isOpen = true;

  publisher(mechanism: "NULL" | "PLAIN" = "NULL", limits = defaultLimits, speaker?: Principal): Forwarder {
    const peer: PublisherPeer = {
      id: "p",
      remote: "127.0.0.1",
      isLocal: true,
      mechanism,
      principal: speaker,
      socketType: "PUB",
      declared: undefined,
      close: () => {
        this.#isOpen = false;
      },
    };
    const isOpen = (): boolean => this.#isOpen;
    const source = {
      peer,
      get isOpen() {
        return isOpen();
      },
      command: (body: Buffer) => {
        this.commands.push(body.toString("latin1"));
        if (this.closesAtCommand) this.#isOpen = false;
      },
    };
    const { clock, ledger, policy, router } = this;
    const warn = (_door: string, _address: string, _name: string | undefined, reason: string): void => {
      this.warned.push(reason);
    };
    return new Forwarder(
      { ledger, limits, policy, warn, routes: new RouteCache(router), passing: router.passing, clock },
      source,
    );
  }
}

/**
 * Pushes chunks that are overwritten afterwards, as the shared read buffer is, and what it leaves of them again.
 * @returns how often it left something
 */
export function push(to: Forwarder, ...chunks: readonly Buffer[]): number {
  let rests = 0;
  for (const chunk of chunks) {
    for (let left = chunk; left.length > 0;) {
      const borrowed = Buffer.from(left);
      const taken = to.push(borrowed);
      borrowed.fill(0xee);
      expect(taken).toBeGreaterThan(0);
      left = left.subarray(taken);
      if (left.length > 0) rests += 1;
    }
  }
  return rests;
}
