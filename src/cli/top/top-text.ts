import { cut, fittedTable, oneLine, type Column } from "../columns.js";
import type { Paint } from "../output.js";
import type { AgentLine } from "./picture.js";

/** A room, as the desk lists it. */
export interface RoomLine {
  readonly name: string;
  readonly members: number;
}

/** Something that was counted since the start, as the desk tells it: most of these are losses. */
export interface LossLine {
  readonly reason: string;
  readonly count: number;
}

/** All that `broker top` shows. */
export interface TopFacts {
  /** For people, in their time zone. */
  readonly time: string;
  readonly system: {
    readonly totalAgents: number;
    readonly activeAgents: number;
    /** Messages a second; null: not known yet. */
    readonly rate: number | null;
    readonly queueDepth: number;
    /** 0–1. */
    readonly errorRate: number | null;
    readonly alerts: readonly { readonly level: string; readonly message: string }[];
  };
  readonly agents: readonly AgentLine[];
  readonly rooms: readonly RoomLine[];
  readonly losses: readonly LossLine[];
}

const columns: readonly Column[] = [
  { heading: "agent", cuts: true },
  { heading: "dialect" },
  { heading: "state" },
  { heading: "says/s", isNumber: true },
  { heading: "hears/s", isNumber: true },
  { heading: "queue", isNumber: true },
  { heading: "answers in", isNumber: true },
  { heading: "trust" },
  { heading: "display name", cuts: true },
];

/** How many rooms and losses are named. */
const namedMax = 5;
/** Lines around the table of agents. */
const aroundLines = 8;

/** Everything as lines. `height`: as many lines as there is room for; undefined: as many as there are. */
export function topLines(
  facts: TopFacts,
  width: number | undefined,
  height: number | undefined,
  paint: Paint,
): readonly string[] {
  const { agents, rooms, losses, system } = facts;
  const room = height === undefined ? agents.length : Math.max(1, height - aroundLines - system.alerts.length);
  const shown = agents.slice(0, room);
  const table = fittedTable(columns, shown.map(cells), width).split("\n");
  const fit = (line: string): string => (width === undefined ? line : cut(line, width));
  return [
    fit(headLine(facts)),
    ...system.alerts.map(({ level, message }) =>
      paint(level === "critical" ? "red" : "yellow", fit(`! ${oneLine(message)}`)),
    ),
    "",
    ...(agents.length === 0 ? ["no agent is online"] : table),
    ...(shown.length < agents.length ? [`… and ${agents.length - shown.length} more`] : []),
    "",
    fit(
      listed(
        "rooms",
        rooms.map(({ name, members }) => `${name} ${members}`),
        "none",
      ),
    ),
    fit(
      listed(
        "reasons",
        losses.map(({ reason, count }) => `${count} ${reason}`),
        "none",
      ),
    ),
  ];
}

function headLine({ time, system }: TopFacts): string {
  const { totalAgents, activeAgents, rate, queueDepth, errorRate } = system;
  const refused = errorRate === null ? "" : `, ${(errorRate * 100).toFixed(1)} % refused`;
  return (
    `${time}  ${totalAgents} agents, ${activeAgents} online, ` +
    `${rate === null ? "-" : number(rate)} messages/s${refused}, ${queueDepth} waiting`
  );
}

function listed(what: string, items: readonly string[], none: string): string {
  const named = items.slice(0, namedMax).map(oneLine).join(" · ");
  const more = items.length > namedMax ? ` · and ${items.length - namedMax} more` : "";
  return `${what.padEnd(9)}${items.length === 0 ? none : named + more}`;
}

function cells(line: AgentLine): readonly string[] {
  const { name, displayName, isDemo, dialect, state, says, hears, queue, answerMs, trust } = line;
  const answers = answerMs === null ? "-" : `${number(answerMs)} ms`;
  const shown = isDemo ? `${name} (demo)` : name;
  const waits = queue === null ? "-" : String(queue);
  return [shown, dialect, state, number(says), number(hears), waits, answers, trust, displayName];
}

function number(value: number): string {
  return value > 0 && value < 10 ? value.toFixed(1) : String(Math.round(value));
}
