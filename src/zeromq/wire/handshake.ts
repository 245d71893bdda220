import { Fault, type Principal } from "../../core/index.js";
import { commandFlag, FrameReader } from "./codec.js";
import { encodeWelcome, readCommand, readHello, readMetadata, type Command } from "./commands.js";
import { greetingBytes, greetingHead, greetingMajor, greetingTail, readGreeting } from "./greeting.js";
import { IllegalBytes } from "./codec.js";
import { chooseMechanism, type ZmtpAuth } from "./greeting.js";
import type { Mechanism } from "./policy.js";

/** `in`: agents' PUB connects here, we are XSUB. `out`: agents' SUB connects here, we are XPUB. */
export type DoorKind = "in" | "out";

/** What a handshake waits for. */
export type HandshakePhase = "greeting" | "ready" | "hello" | "initiate" | "over";

/** What a finished handshake has found out about the peer. */
export interface Introduction {
  readonly mechanism: Mechanism;
  readonly principal: Principal | undefined;
  readonly socketType: string;
  readonly declared: string | undefined;
  readonly instance: string | undefined;
  /** It greets as ZMTP 3.1 or later, so that it knows PING (ZeroMQ §12.3). */
  readonly knowsPings: boolean;
}

/** What the connection has to do after a chunk. */
export type Step =
  | { readonly kind: "more" }
  | { readonly kind: "introduced"; readonly introduction: Introduction; readonly rest: Buffer }
  /** For good: ERROR, then close. `name`: who the client says it is. */
  | { readonly kind: "refuse"; readonly fault: Fault; readonly name: string | undefined }
  /** Stay silent, and close later: the client would not understand an ERROR. */
  | { readonly kind: "close-later"; readonly reason: string; readonly remedy: string };

/** The door, and how it lets clients in. */
export interface HandshakeOptions {
  readonly door: DoorKind;
  readonly auth: ZmtpAuth;
  /** At most this many bytes of commands. */
  readonly maxBytes: number;
  /** @throws Fault */
  readonly authenticate: (user: string, password: string) => Principal;
  readonly send: (bytes: Buffer) => void;
}

const more: Step = { kind: "more" };
/** The Socket-Types that may connect to each door, and what is said to others. */
const socketTypes: Readonly<Record<DoorKind, readonly string[]>> = { in: ["PUB", "XPUB"], out: ["SUB", "XSUB"] };
const wrongDoor: Readonly<Record<DoorKind, string>> = {
  in: "this address is for PUB sockets: connect SUB sockets to the broker's other ZeroMQ address",
  out: "this address is for SUB sockets: connect PUB sockets to the broker's other ZeroMQ address",
};

/**
 * The server's half of the ZMTP handshake (RFC 23 §3, RFC 24), up to our READY, which it does not send: the peer may
 * still be refused. Takes bytes and returns steps; has no socket.
 */
export class Handshake {
  phase: HandshakePhase = "greeting";
  readonly #options: HandshakeOptions;
  readonly #reader: FrameReader;
  #greeting: Buffer = Buffer.alloc(0);
  #minor = 0;
  #read = 0;
  #refusal: string | undefined;
  #principal: Principal | undefined;
  #user: string | undefined;

  constructor(options: HandshakeOptions) {
    this.#options = options;
    this.#reader = new FrameReader(options.maxBytes);
  }

  /** Sends the beginning of our greeting: the client waits for it. */
  begin(): void {
    this.#options.send(greetingHead);
  }

  /** Takes a chunk. @throws IllegalBytes when the connection must be closed at once */
  push(chunk: Buffer): Step {
    if (this.phase !== "greeting") return this.#commands(chunk);
    const need = greetingBytes - this.#greeting.length;
    const greeting = Buffer.concat([this.#greeting, chunk.subarray(0, need)]);
    this.#greeting = greeting;
    const major = greetingMajor(greeting);
    if (major !== undefined && major < 3) {
      return {
        kind: "close-later",
        reason: "zmtp-too-old",
        remedy: "the client speaks ZMTP 2.0 (libzmq 3.x, JeroMQ 0.3): it needs libzmq 4.0 or JeroMQ 0.4 or later",
      };
    }
    if (greeting.length < greetingBytes) return more;
    return this.#greeted(chunk.subarray(need));
  }

  #greeted(rest: Buffer): Step {
    const { minor, mechanism, asServer } = readGreeting(this.#greeting);
    this.#minor = minor;
    const choice = chooseMechanism(mechanism, asServer, this.#options.auth);
    if (choice.kind === "close-later") return { kind: "close-later", reason: "zmtp-mechanism", remedy: choice.remedy };
    if (choice.kind === "refuse") this.#refusal = choice.remedy;
    this.#options.send(greetingTail(choice.mechanism, choice.mechanism === "PLAIN"));
    this.phase = choice.mechanism === "PLAIN" ? "hello" : "ready";
    return this.#commands(rest);
  }

  #commands(chunk: Buffer): Step {
    this.#reader.feed(chunk);
    for (;;) {
      const frame = this.#reader.next();
      if (frame === undefined) return more;
      this.#read += frame.body.length;
      if (this.#read > this.#options.maxBytes) throw new IllegalBytes("zmtp-handshake-too-large");
      if ((frame.flags & commandFlag) === 0) throw new IllegalBytes("zmtp-early-traffic");
      const step = this.#command(readCommand(frame.body));
      if (step.kind !== "more") return step;
    }
  }

  #command(command: Command): Step {
    const { name, data } = command;
    if (name === "ERROR")
      return { kind: "close-later", reason: "zmtp-client-error", remedy: "the client refused this broker" };
    if (this.phase === "hello" && name === "HELLO") return this.#hello(data);
    if (this.phase === "ready" && name === "READY") return this.#introduced("NULL", data);
    if (this.phase === "initiate" && name === "INITIATE") return this.#introduced("PLAIN", data);
    throw new IllegalBytes(
      name === "READY" || name === "HELLO" || name === "INITIATE" ? "zmtp-unexpected-command" : "zmtp-early-traffic",
    );
  }

  #hello(data: Buffer): Step {
    const { user, password } = readHello(data);
    if (this.#refusal !== undefined) return this.#refuse(new Fault("unauthenticated", this.#refusal), user);
    try {
      this.#principal = this.#options.authenticate(user, password);
    } catch (thrown) {
      if (thrown instanceof Fault) return this.#refuse(thrown, user);
      throw thrown;
    }
    this.#user = user;
    this.#options.send(encodeWelcome());
    this.phase = "initiate";
    return more;
  }

  #introduced(mechanism: Mechanism, data: Buffer): Step {
    const { socketType, agent, instance } = readMetadata(data);
    const name = this.#user ?? agent;
    if (this.#refusal !== undefined) return this.#refuse(new Fault("unauthenticated", this.#refusal), name);
    if (socketType === undefined || !socketTypes[this.#options.door].includes(socketType)) {
      return this.#refuse(new Fault("forbidden", wrongDoor[this.#options.door]), name);
    }
    this.phase = "over";
    const introduction: Introduction = {
      mechanism,
      principal: this.#principal,
      socketType,
      declared: agent,
      instance,
      knowsPings: this.#minor >= 1,
    };
    return { kind: "introduced", introduction, rest: this.#reader.rest() };
  }

  #refuse(fault: Fault, name: string | undefined): Step {
    this.phase = "over";
    return { kind: "refuse", fault, name };
  }
}
