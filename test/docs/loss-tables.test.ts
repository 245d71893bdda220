import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { events as agentchatEvents } from "../../bridges/agentchat/events.js";
import { commands as agentchatCommands } from "../../bridges/agentchat/schema.js";
import { codes as agentchatCodes } from "../../bridges/agentchat/errors.js";
import { codes as networkCodes } from "../../bridges/agent-network/errors.js";
import { header, metadata } from "../../bridges/agent-network/schema.js";
import { codes as panCodes } from "../../bridges/pan/errors.js";
import { commands as panCommands, events as panEvents } from "../../bridges/pan/schema.js";
import { faultCodes } from "../../src/core/fault.js";
import { wireEnvelope, writtenEnvelope } from "../../src/core/index.js";
import { openWorld, sources, type Frame, type Source, type World } from "../kit/loss-world.js";

/** One line of a table: a field of the sender's frame, in which message, and what becomes of it in each column. */
interface Row {
  readonly field: string;
  /** What stands behind the field: which of the sender's messages is meant. */
  readonly note: string;
  readonly cells: Readonly<Record<string, string>>;
}

const pages = {
  core: "core.md",
  ZeroMQ: "zeromq.md",
  PAN: "pan.md",
  AgentChat: "agentchat.md",
  "Agent Network": "agent-network.md",
} as const;

/** The table of a clause. */
function table(source: keyof typeof pages, clause: string): readonly Row[] {
  const page = readFileSync(new URL(`../../docs/protocols/${pages[source]}`, import.meta.url), "utf8");
  const [, behind = ""] = page.split(`**${clause} `);
  const [head = "", , ...lines] = (/(?:^\|.*\n)+/m.exec(behind)?.[0] ?? "").trimEnd().split("\n");
  const [, ...columns] = cellsOf(head);
  return lines.map((line) => {
    const [label = "", ...cells] = cellsOf(line);
    const [, field = "", note = ""] = /^`([^`]+)`(?:, (.*))?$/.exec(label) ?? [];
    return { field, note, cells: Object.fromEntries(columns.map((column, at) => [column, cells[at] ?? ""])) };
  });
}

function cellsOf(line: string): readonly string[] {
  return line
    .slice(1, -1)
    .split("|")
    .map((cell) => cell.trim());
}

/** Which of a sender's messages a row is about, by what stands behind its field. */
const messageOf: Readonly<Record<string, string>> = {
  "a room": "room",
  "`all`": "all",
  "a text": "text",
  alone: "alone",
  "of a signed text": "signed",
  "of a proposal": "proposal",
  "of a query": "query",
};

/** What is at a path as `content.data.sig`. */
function at(frame: unknown, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>((inner, key) => (isObject(inner) && Object.hasOwn(inner, key) ? inner[key] : undefined), frame);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

/** Every text and number in a value, however deep. */
function leaves(value: unknown): readonly unknown[] {
  return isObject(value) ? Object.values(value).flatMap(leaves) : [value];
}

/** How a value is changed on its way, by the words behind the field. */
function changed(how: string, value: unknown): unknown {
  const text = String(value);
  switch (how) {
    case "":
      return value;
    case "with `@`":
      return `@${text}`;
    case "without `@`":
      return text.slice(1);
    case "in UTC":
      return new Date(text).toISOString();
    case "in ms":
      return Date.parse(text);
    case "as both words":
      return ["stored", "settled"];
    case "in PAN's words":
      return panCodes[faultCodes.find((code) => code === value) ?? "internal"];
    case "as ISO 8601":
      return new Date(Number(value)).toISOString();
    case "in Agent Network's words":
      return networkCodes[faultCodes.find((code) => code === value) ?? "internal"].errorCode;
    case "in AgentChat's words":
      return agentchatCodes[faultCodes.find((code) => code === value) ?? "internal"];
    default:
      return /^as `([^`]+)`$/.exec(how)?.[1] ?? `no such change: ${how}`;
  }
}

const fromTables: readonly (readonly [Source, string])[] = [
  ["ZeroMQ", "14.1"],
  ["PAN", "12.1"],
  ["AgentChat", "12.1"],
  ["AgentChat", "12.2"],
  ["Agent Network", "4.6"],
];
const towardTables = { ZeroMQ: "14.2", PAN: "12.2", AgentChat: "12.3", "Agent Network": "4.7" } as const;
const fromRows = fromTables.flatMap(([source, clause]) =>
  table(source, clause).flatMap((row) =>
    sources.map((target) => ({ source, clause, target, ...row, cell: row.cells[target] ?? "" })),
  ),
);
/** What the broker says itself: its inform, as ZeroMQ hears it, in the others. */
const brokersRows = table("core", "3.14").flatMap((row) =>
  (["PAN", "AgentChat", "Agent Network"] as const).map((target) => ({
    source: "ZeroMQ" as const,
    clause: "3.14",
    target,
    ...row,
    cell: row.cells[target] ?? "",
  })),
);
const towardRows = sources.flatMap((target) =>
  table(target, towardTables[target]).flatMap(({ field, cells }) =>
    Object.entries(cells).map(([column, cell]) => ({ target, source: column.replace("from ", ""), field, cell })),
  ),
);

describe("the loss tables", () => {
  let world: World;
  beforeAll(async () => {
    world = await openWorld();
  });
  afterAll(async () => {
    await world.close();
  });

  /** The message of this name, as it was sent and as it arrived. */
  function message(source: string, target: Source, name: string): { readonly sent: Frame; readonly heard: Frame } {
    const found = world.messages.find((one) => one.source === source && one.target === target && one.message === name);
    if (found === undefined) throw new Error(`${source} says no such message to ${target}: ${name}`);
    return found;
  }

  it.each([...fromRows, ...brokersRows])(
    "$source §$clause: $field $note → $target: $cell",
    ({ source, target, clause, field, note, cell }) => {
      const name =
        clause === "3.14"
          ? note
          : (messageOf[note] ?? (clause === "12.2" && source === "AgentChat" ? "proposal" : "full"));
      const { sent, heard } = message(source, target, name);
      const value = at(sent, field);
      expect(value, "the test says this field").toBeDefined();
      if (cell === "lost") {
        const all = leaves(heard);
        expect(leaves(value).filter((leaf) => all.includes(leaf))).toEqual([]);
        return;
      }
      const [, path = "", how = ""] = /^`([^`]+)`(?:, (.*))?$/.exec(cell) ?? [];
      expect(at(heard, path)).toEqual(changed(how, value));
    },
  );

  it.each(towardRows)("$source → $target: $field is $cell", ({ source, target, field, cell }) => {
    const { sent, heard } = message(source, target, "full");
    const value = at(heard, field);
    if (cell === "–") expect(value).toBeUndefined();
    else if (cell === "the broker") {
      expect(value).toBeDefined();
      expect(leaves(sent)).not.toContain(value);
    } else {
      const own = fromRows.filter(
        (row) => row.source === source && row.target === target && row.note !== "of a signed text",
      );
      expect(own.map((row) => `\`${row.field}\` → ${/`([^`]+)`/.exec(row.cell)?.[1] ?? "lost"}`)).toContain(
        `${cell} → ${field}`,
      );
    }
  });

  const content = ["content.message", "content.kind", "content.data"];
  const but = (shape: object, left: string): readonly string[] => Object.keys(shape).filter((key) => key !== left);
  it.each([
    ["ZeroMQ", "14.1", [...but(wireEnvelope.shape, ""), ...content, "trust", "received_at", "replay", "$broker"]],
    ["PAN", "12.1", but(panCommands.chat.shape, "type")],
    ["AgentChat", "12.1", but(agentchatCommands.MSG.shape, "type")],
    ["AgentChat", "12.2", but(agentchatCommands.PROPOSAL.shape, "type")],
    ["ZeroMQ", "14.2", [...but(writtenEnvelope.shape, "content"), ...content]],
    ["PAN", "12.2", but(panEvents.chat.shape, "type")],
    ["AgentChat", "12.3", but(agentchatEvents.MSG.shape, "type")],
    [
      "Agent Network",
      "4.6",
      [...but(header.shape, "metadata"), ...Object.keys(metadata.shape).map((key) => `metadata.${key}`)],
    ],
    ["Agent Network", "4.7", but(header.shape, "metadata")],
  ] as const)("%s §%s has a row for every field", (source, clause, fields) => {
    const rows = table(source, clause).map(({ field }) => field);
    expect(fields.filter((field) => !rows.includes(field))).toEqual([]);
  });
});
