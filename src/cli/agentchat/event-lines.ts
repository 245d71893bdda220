import type { Writable } from "node:stream";
import type { MsgEvent, NegotiationEvent } from "../../../bridges/agentchat/events.js";
import { dataLines, endUnwritten, finished, untrustedText, type Paint } from "../output.js";
import type { PresenceEvent } from "./chat.js";
import { CommandFailure, exitCodes } from "./exit.js";

/** How much may wait for a slow reader, bytes. A client cannot ask its server to pause. */
const waitingMax = 16 * 1024 * 1024;

/** Writes events as lines on stdout; its reader may be slow or may have stopped reading. */
export class EventLines {
  /** Rejects with CommandFailure when more than `waitingMax` waits; never resolves. */
  readonly tooSlow: Promise<never>;
  readonly #lines: Writable;
  readonly #giveUp: (why: CommandFailure) => void;
  #phase: "open" | "ended" = "open";

  constructor() {
    this.#lines = dataLines({ sockets: true });
    if (this.#lines !== process.stdout) this.#lines.on("error", endUnwritten("agentchat"));
    let giveUp: (why: CommandFailure) => void = () => undefined;
    this.tooSlow = new Promise((_resolve, reject) => {
      giveUp = reject;
    });
    this.#giveUp = giveUp;
  }

  /** Writes a line; after the end it does nothing. */
  write(line: string): void {
    if (this.#phase === "ended") return;
    this.#lines.write(Buffer.from(`${line}\n`)); // of a text, a socket would count characters and not bytes
    if (this.#lines.writableLength <= waitingMax) return;
    this.#phase = "ended";
    this.#giveUp(
      new CommandFailure(
        exitCodes.failed,
        `the reader of this output is too slow: more than ${waitingMax / (1024 * 1024)} MiB wait for it`,
      ),
    );
  }

  /** Ends the output: what waits is written if its reader takes it now, else dropped. */
  async end(): Promise<void> {
    this.#phase = "ended";
    await finished(this.#lines);
  }
}

/** A message as a person reads it. */
export function messageLine({ from, from_name: name, to, content, verified, replay }: MsgEvent, paint: Paint): string {
  const where = to.startsWith("#") ? paint("cyan", untrustedText(to)) : paint("yellow", "direct");
  const doubt = verified === false ? paint("red", " (its signature does not verify)") : "";
  const earlier = replay === true ? paint("dim", "(earlier) ") : "";
  return `${where} ${earlier}${speaker(name, from, paint)}${doubt}: ${untrustedText(content)}`;
}

/** Who joined or left a channel. */
export function presenceLine({ type, channel, agent }: PresenceEvent, paint: Paint): string {
  return paint(
    "dim",
    `${untrustedText(channel)} ${untrustedText(agent)} ${type === "AGENT_JOINED" ? "joined" : "left"}`,
  );
}

/** A step of an agreement. */
export function negotiationLine(step: NegotiationEvent, paint: Paint): string {
  const { type, proposal_id: id, from, to, status, task, amount, currency, reason, proof } = step;
  const what = [task, amount, currency, reason, proof].filter((part) => part !== undefined).join(" ");
  const details = what === "" ? "" : `: ${what}`;
  const parties = [from, to === "" ? "" : `to ${to}`].filter((part) => part !== "").join(" "); // some servers say none
  const rest = untrustedText(`${[id, parties].join(" ").trimEnd()}${details} (${status})`);
  return `${paint("yellow", type.toLowerCase())} ${rest}`;
}

function speaker(name: string, id: string, paint: Paint): string {
  const own = paint("green", untrustedText(id));
  return `@${name}` === id || name === "" ? own : `${untrustedText(name)} ${own}`;
}
