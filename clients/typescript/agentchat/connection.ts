import { answerCall, noCalls, refuseCall, showsTaken } from "./calls.js";
import { AgentChatError } from "./error.js";
import { readFrame, type ServerEvent, type ServerEventOf } from "./events.js";
import { atSign, checkFrame, type CallKind, type CommandFrame, type MessageFrame } from "./command-frames.js";
import { AgentChatSocket } from "./socket.js";
import type { QuestionData } from "../shared/questions.js";
import { silentMsDefault } from "../shared/socket.js";
import { pemOf, sign, type Identity } from "./identity.js";
import { authText } from "../../../bridges/agentchat/signed-text.js";

/** How a connection introduces itself. */
export interface Introduction {
  readonly server: string;
  readonly name: string;
  readonly identity: Identity | undefined;
  /** True: what the client says comes back to it; undefined: as the server does by default. */
  readonly echo: boolean | undefined;
  /** What to open as the agent's mailbox; undefined: none. */
  readonly mailbox: true | QuestionData | undefined;
  readonly answerTimeoutMs: number;
}

/** How a connection ended. */
export interface ConnectionEnd {
  readonly code: number;
  readonly reason: string;
}

/** Where a connection reports what it hears. */
export interface ConnectionEvents {
  readonly onEvent: (event: ServerEvent) => void;
  /** An error that answers no call: a message refused, something unreadable. */
  readonly onError: (error: AgentChatError) => void;
}

/**
 * The code with which a server closes for good: another session has proved the same key. Other servers say it in words
 * and close with 1000; their connections end with this code, too.
 */
export const displaced = 4409;
/** How the reason begins with which other servers close a displaced session. */
const displacedWords = /^identity claimed by /i;

/**
 * How long to wait for the answer to the PING; a server that does not answer it asks for no proof either, milliseconds.
 */
const challengeMs = 2_000;
/** A server that asks for more proofs at once gets none for the rest. */
const proofsMax = 4;

/** A connection from its introduction to its end: proves its key when asked, and gives each answer to its call. */
export class Connection {
  /** Resolved once it is over. */
  readonly ended: Promise<ConnectionEnd>;
  readonly #introduction: Introduction;
  readonly #events: ConnectionEvents;
  readonly #calls = noCalls();
  readonly #over: (end: ConnectionEnd) => void;
  #socket: AgentChatSocket | undefined;
  #phase: "greeting" | "ready" | "over" = "greeting";
  #agentId: string | undefined;
  /** True once the server has said that this session is displaced. */
  #isDisplaced = false;
  #proof: Promise<unknown> | undefined;
  /** Proofs that are not answered yet. */
  #proofs = 0;

  private constructor(introduction: Introduction, events: ConnectionEvents) {
    this.#introduction = introduction;
    this.#events = events;
    let over: (end: ConnectionEnd) => void = () => undefined;
    this.ended = new Promise((resolve) => {
      over = resolve;
    });
    this.#over = over;
  }

  /**
   * Connects and introduces itself; done when welcomed, and when the proof of the key was taken if the server asked.
   * @throws AgentChatError CLOSED, TIMEOUT, SESSION_DISPLACED, or the server's refusal
   */
  static async open(introduction: Introduction, events: ConnectionEvents, signal: AbortSignal): Promise<Connection> {
    const connection = new Connection(introduction, events);
    const abort = (): void => {
      connection.#calls.fail(
        new AgentChatError("CLOSED", "disconnected before the server had answered; connect() again"),
      );
    };
    signal.addEventListener("abort", abort, { once: true });
    try {
      connection.#socket = await AgentChatSocket.open(introduction.server, connection.#socketEvents(), {
        signal,
        silentMs: silentMsDefault,
      });
      await connection.#introduce();
    } catch (thrown) {
      await connection.close();
      throw thrown;
    } finally {
      signal.removeEventListener("abort", abort);
    }
    return connection;
  }

  /** True once nothing can be said any more. */
  isOver(): boolean {
    return this.#phase === "over";
  }

  /**
   * Says a message that was checked before; done when it is written. A refusal is told as an error that answers no
   * call.
   * @throws AgentChatError CLOSED
   */
  async send(frame: MessageFrame): Promise<void> {
    this.#follow(
      frame,
      () => undefined,
      (refusal) => {
        if (this.#phase === "ready") this.#events.onError(refusal);
      },
    );
    await this.#sayOn(frame);
  }

  /**
   * Says a message that was checked before; done when the server has taken it: it has come back, or the server has
   * answered the PING behind it and refused nothing that can be the message.
   * @throws AgentChatError the refusal; CLOSED and TIMEOUT: it is not known whether it was taken
   */
  async deliver(frame: MessageFrame): Promise<void> {
    const taken = new Promise<void>((resolve, reject) => {
      this.#follow(frame, resolve, reject);
    });
    const written = this.#sayOn(frame);
    const pinged = this.call({ type: "PING" }, (event) => (event.type === "PONG" ? true : undefined)); // behind it
    const [fate] = await Promise.allSettled([Promise.race([taken, pinged]), written]);
    if (fate.status === "rejected") throw fateUnknown(fate.reason as AgentChatError, frame); // it fails with nothing else
  }

  /** Says something and waits for its answer. @throws AgentChatError INVALID_MSG, the server's, TIMEOUT, CLOSED */
  async call<T>(
    frame: CommandFrame<CallKind>,
    answer: (event: ServerEvent) => T | undefined,
    timeoutMs = this.#introduction.answerTimeoutMs,
  ): Promise<T> {
    checkFrame(frame);
    if (this.#phase === "over") throw new AgentChatError("CLOSED", "not connected; wait for the event open");
    const id = frame["msg_id"];
    const waited = this.#calls.wait(frame.type, answer, timeoutMs, typeof id === "string" ? id : undefined);
    const [answered] = await Promise.all([waited, this.#sayOn(frame)]);
    return answered;
  }

  /** Ends it; what was said is written first. */
  async close(): Promise<void> {
    await this.#socket?.close();
  }

  #sayOn(frame: CommandFrame): Promise<void> {
    if (this.#socket === undefined)
      return Promise.reject(new AgentChatError("CLOSED", "not connected; wait for the event open"));
    return this.#socket.send(frame);
  }

  async #introduce(): Promise<void> {
    const { name, identity, echo, mailbox } = this.#introduction;
    const pubkey = identity === undefined ? undefined : pemOf(identity);
    await this.call({ type: "IDENTIFY", name, pubkey, echo, mailbox }, (event) =>
      event.type === "WELCOME" ? true : undefined,
    );
    if (identity !== undefined) {
      await this.#awaitChallenge();
      await this.#proof;
    }
    this.#phase = this.isOver() ? "over" : "ready";
  }

  /**
   * A challenge may follow the welcome. Once the server answers a PING in any way, the challenge has come or will not
   * come.
   */
  async #awaitChallenge(): Promise<void> {
    try {
      await this.call({ type: "PING" }, (event) => (event.type === "PONG" ? true : undefined), challengeMs);
    } catch (thrown) {
      if (this.isOver() || !(thrown instanceof AgentChatError)) throw thrown;
    }
  }

  #hear(text: string): void {
    for (const event of readFrame(text, Date.now(), this.#agentId)) {
      if (event instanceof AgentChatError) this.#events.onError(event);
      else if (event.type === "CHALLENGE") this.#challenged(event);
      else if (event.type === "ERROR") this.#refused(event);
      else {
        if (event.type === "WELCOME") this.#agentId = atSign(event.agent_id);
        answerCall(this.#calls, event);
        this.#events.onEvent(event);
      }
    }
  }

  #refused(event: ServerEventOf<"ERROR">): void {
    if (event.code === "SESSION_DISPLACED") {
      if (this.#isDisplaced) return; // a server may say it twice, as an ERROR and as a frame of its own
      this.#isDisplaced = true;
    }
    const error = refuseCall(this.#calls, event);
    if (error !== undefined) this.#events.onError(error);
  }

  #follow(frame: MessageFrame, taken: () => void, refused: (error: AgentChatError) => void): void {
    this.#calls.follow("MSG", frame.msg_id, {
      answer: (event) => showsTaken(event, frame, this.#agentId),
      taken,
      refused: (error) => {
        if (error instanceof AgentChatError) refused(error); // a connection fails its calls with nothing else
      },
    });
  }

  #challenged(challenge: ServerEventOf<"CHALLENGE">): void {
    if (this.#proofs === proofsMax) return;
    this.#proofs += 1;
    const proof = this.#prove(challenge).finally(() => {
      this.#proofs -= 1;
    });
    this.#proof = proof;
    proof.catch((thrown: unknown) => {
      const error =
        thrown instanceof AgentChatError
          ? thrown
          : new AgentChatError("VERIFICATION_FAILED", String(thrown), { cause: thrown });
      if (this.#phase === "greeting")
        this.#calls.fail(error, "IDENTIFY"); // a server that wants the proof first has not said WELCOME
      else if (this.#phase === "ready") this.#events.onError(error);
    });
  }

  async #prove({ challenge_id: challengeId, nonce }: ServerEventOf<"CHALLENGE">): Promise<void> {
    const { identity } = this.#introduction;
    if (identity === undefined)
      throw new AgentChatError(
        "VERIFICATION_FAILED",
        "the server asks for the proof of a key, and this client has none; " +
          "give it the path of an identity.json as identity",
      );
    const timestamp = Date.now();
    const signature = sign(identity, authText({ nonce, challengeId, timestamp }));
    // The original server answers a proof with WELCOME only.
    await this.call({ type: "VERIFY_IDENTITY", challenge_id: challengeId, signature, timestamp }, (event) =>
      event.type === "VERIFY_SUCCESS" || event.type === "WELCOME" ? true : undefined,
    );
  }

  #socketEvents(): {
    readonly onText: (text: string) => void;
    readonly onClose: (code: number, reason: string) => void;
  } {
    return {
      onText: (text) => {
        this.#hear(text);
      },
      onClose: (code, reason) => {
        this.#phase = "over";
        const isDisplaced = code === displaced || this.#isDisplaced || displacedWords.test(reason);
        const word = isDisplaced ? "SESSION_DISPLACED" : "CLOSED";
        this.#calls.fail(new AgentChatError(word, `the connection was closed: ${[code, reason].join(" ").trim()}`));
        this.#over({ code: isDisplaced ? displaced : code, reason });
      },
    };
  }
}

/** What the end of a delivery means, in words about the message where the PING behind it was not answered. */
function fateUnknown(error: AgentChatError, { msg_id: msgId }: MessageFrame): AgentChatError {
  return error.code === "TIMEOUT"
    ? new AgentChatError(
        "TIMEOUT",
        "the server has not answered in time, so it is not known whether the message was taken: " +
          "check before you say it again",
        { call: "MSG", msgId, cause: error },
      )
    : error;
}
