import type { OpenCalls } from "./calls.js";
import { newId } from "./composing.js";
import { checkWait } from "./options.js";
import { networkError, NetworkError } from "./error.js";
import { system, writeFrame, type Fields, type NetworkFrame } from "./frames.js";
import { readSystem, type DeskAnswer } from "./system-frames.js";

/** Rooms that are joined again after a loss of the connection. */
export const roomsMax = 256;

/** What questions to the broker need. */
export interface DeskPorts {
  readonly agentId: string;
  readonly calls: OpenCalls;
  readonly answerTimeoutMs: number;
  now(): number;
  /** False: there is no line now. */
  send(text: string): boolean;
  /** A room could not be joined again. Does not throw. */
  failed(error: NetworkError): void;
}

const joins: readonly string[] = ["ROOM_JOIN", "room.join"];
const leaves: readonly string[] = ["ROOM_LEAVE", "room.leave"];

/** Questions to the broker (Agent Network §5), and the rooms that this agent is in. */
export class Desk {
  readonly #ports: DeskPorts;
  // bound: roomsMax, those joined after are not joined again · evicts: ROOM_LEAVE · owner: Desk
  readonly #rooms = new Set<string>();

  constructor(ports: DeskPorts) {
    this.#ports = ports;
  }

  /** A frame to the broker. */
  frame(messageType: string, content: Fields): NetworkFrame {
    return {
      messageId: newId("msg"),
      conversationId: system,
      senderId: this.#ports.agentId,
      recipientId: system,
      messageType,
      content,
      timestamp: this.#ports.now(),
      metadata: {
        priority: messageType === "QUERY" ? "NORMAL" : "LOW",
        encrypted: false,
        requiresResponse: messageType === "QUERY",
      },
    };
  }

  /** @throws NetworkError with the broker's code, CONNECTION_ERROR, TIMEOUT_ERROR */
  async ask(
    kind: string,
    parameters: Fields | undefined,
    timeoutMs = this.#ports.answerTimeoutMs,
  ): Promise<DeskAnswer> {
    checkWait(timeoutMs);
    const requestId = newId("req");
    const frame = this.frame("QUERY", { requestId, queryType: kind, ...(parameters && { parameters }) });
    if (!this.#ports.send(writeFrame(frame)))
      throw networkError(
        "CONNECTION_ERROR",
        "there is no connection to the broker now; ask again when onOpen was called",
      );
    const answered = await this.#ports.calls.wait({
      peer: system,
      id: requestId,
      kind: "QUERY",
      messageId: frame.messageId,
      sealed: false,
      timeoutMs,
      timedOut: () => networkError("TIMEOUT_ERROR", `the broker has not answered ${kind} within ${timeoutMs} ms`),
    });
    const read = readSystem(answered);
    if (read.type !== "RESPONSE") throw networkError("SERVER_ERROR", `the broker has answered ${kind} by no RESPONSE`);
    const { answer } = read;
    if (answer.error !== undefined)
      throw new NetworkError(answer.error.code, answer.error.message, answer.error.details);
    this.#remember(kind, parameters?.["room"]);
    return answer;
  }

  /** The connection is there again: so are its rooms. */
  lineUp(): void {
    for (const room of this.#rooms)
      this.ask("ROOM_JOIN", { room }).catch((thrown: unknown) => {
        const error = thrown as NetworkError;
        this.#ports.failed(
          new NetworkError(error.code, `${room} was not joined again: ${error.message}`, error.details),
        );
      });
  }

  #remember(kind: string, room: unknown): void {
    if (typeof room !== "string") return;
    if (leaves.includes(kind)) this.#rooms.delete(room);
    else if (joins.includes(kind) && this.#rooms.size < roomsMax) this.#rooms.add(room);
  }
}
