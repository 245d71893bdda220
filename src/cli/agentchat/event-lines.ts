import type { Writable } from "node:stream";
import type { Event, MsgEvent, NegotiationEvent } from "../../../bridges/agentchat/events.js";
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
export function presenceLine(change: PresenceEvent, paint: Paint): string {
  const { type, channel, agent } = change;
  const name = type === "AGENT_JOINED" && change.name !== undefined && `@${change.name}` !== agent ? change.name : "";
  const who = untrustedText(`${name} ${agent}`.trim());
  return paint("dim", `${untrustedText(channel)} ${who} ${type === "AGENT_JOINED" ? "joined" : "left"}`);
}

/** That this agent itself has come into a channel, and who is there; or has left it. */
export function ownPresenceLine(own: Extract<Event, { type: "JOINED" | "LEFT" }>, paint: Paint): string {
  if (own.type === "LEFT") return paint("dim", `you have left ${untrustedText(own.channel)}`);
  const { channel, agents, names = {} } = own;
  const members = agents.map((agent) => `${Object.hasOwn(names, agent) ? `${names[agent] ?? ""} ` : ""}${agent}`);
  return paint("dim", untrustedText(`you are in ${channel}; there: ${members.join(", ")}`));
}

/** That the connection is lost and will be made again. */
export function lostLine(inMs: number): string {
  const when = inMs < 1_000 ? "comes at once" : `is in ${Math.ceil(inMs / 1_000)} s`;
  return `the connection is lost; the next try ${when}`;
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
