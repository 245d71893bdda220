import { z } from "zod";
import { Fault } from "../core/index.js";
import { spotMax } from "./layout/spots.js";
import type { ReportedFigures } from "./performances.js";
import type { ReportedPosition } from "./positions.js";
import type { ReportedState } from "./states.js";
import { agentStates, type Capability, type CapabilityUpdate } from "./telemetry.js";

const noCoordinate = `is a number from -${String(spotMax)} to ${String(spotMax)}`;
const coordinate = z.number(noCoordinate).min(-spotMax, noCoordinate).max(spotMax, noCoordinate);
const controls = /^[^\u0000-\u001f\u007f-\u009f]*$/;
const text = (max: number): z.ZodString =>
  z
    .string("is a text")
    .max(max, `is longer than ${String(max)} characters`)
    .regex(controls, "holds control characters");
const word = (max: number): z.ZodString => text(max).min(1, "is empty");
const noShare = "is a number from 0 to 1";
const share = z.number(noShare).min(0, noShare).max(1, noShare).nullish();
const noAmount = "is a number from 0";
const amount = z.number(noAmount).min(0, noAmount).max(Number.MAX_SAFE_INTEGER, noAmount).nullish();
const noCount = "is a whole number from 0";
const count = z.int(noCount).min(0, noCount).nullish();
const agentId = z.string("is your own name").nullish();

/** `telemetry.position`: where it is, and how fast it moves, in units a second. */
const position = z.object({
  agentId,
  x: coordinate,
  y: coordinate,
  z: coordinate,
  vx: coordinate.nullish(),
  vy: coordinate.nullish(),
  vz: coordinate.nullish(),
});

/** States that an agent can report: who is offline reports nothing. */
const reportedStates = agentStates.filter((state) => state !== "OFFLINE");

/** `telemetry.state`: the document's `agent.state.changed`. `previousState` is not asked: the broker knows what it was. */
const state = z.object({
  agentId,
  newState: z.enum(reportedStates, `is one of ${reportedStates.join(", ")}`),
  reason: text(256).nullish(),
  metadata: z.looseObject({}, "is an object").nullish(),
});

/** `telemetry.metrics`: the document's `agent.performance.update`. */
const metrics = z.object({
  agentId,
  metrics: z.object(
    {
      tasksCompleted: count,
      successRate: share,
      averageResponseTime: amount,
      resourceUtilization: share,
      communicationEfficiency: share,
      uptime: amount,
      messageQueueSize: count,
      connectionCount: count,
      memoryUsage: amount,
    },
    "is missing; it is an object",
  ),
  trends: z
    .object(
      {
        successRateTrend: z.enum(["improving", "stable", "declining"]).nullish(),
        responseTrend: z.enum(["improving", "stable", "degrading"]).nullish(),
        loadTrend: z.enum(["decreasing", "stable", "increasing"]).nullish(),
      },
      "is an object",
    )
    .nullish(),
});

/** `telemetry.capability`: the document's `agent.capability.update`. */
const capability = z.object({
  agentId,
  action: z.enum(["add", "remove", "update"], "is one of add, remove, update"),
  capability: z.looseObject(
    {
      name: word(128),
      category: word(128).nullish(),
      level: z.number("is a number").nullish(),
      description: text(1_024).nullish(),
    },
    "is missing; it is an object",
  ),
});

/** Where an agent says that it is. @throws Fault malformed */
export function readPosition(data: unknown): ReportedPosition {
  const { x, y, z, vx, vy, vz } = read(position, data);
  return { x, y, z, vx: vx ?? undefined, vy: vy ?? undefined, vz: vz ?? undefined };
}

/** What an agent says that it does. @throws Fault malformed */
export function readState(data: unknown): ReportedState {
  const { newState, reason, metadata } = read(state, data);
  return { newState, reason: reason ?? undefined, metadata: metadata ?? undefined };
}

/** What an agent says of its figures; what is null is not said. @throws Fault malformed */
export function readMetrics(data: unknown): ReportedFigures {
  const { metrics: figures, trends } = read(metrics, data);
  return { metrics: known(figures), trends: known(trends ?? {}) };
}

/** What an agent says that it can do, or no more. @throws Fault malformed */
export function readCapability(data: unknown): Pick<CapabilityUpdate, "action" | "capability"> {
  const { action, capability: given } = read(capability, data);
  return { action, capability: known(given) as unknown as Capability }; // the schema has all that it must have
}

function read<S extends z.ZodObject>(schema: S, data: unknown): z.output<S> {
  const { data: fields, error } = schema.safeParse(data);
  if (error === undefined) return fields;
  const [issue] = error.issues;
  throw new Fault("malformed", `data.${issue?.path.join(".") ?? ""} ${issue?.message ?? "is wrong"}`);
}

/** Without what is null or absent. */
function known<T extends object>(fields: T): { readonly [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null && value !== undefined)) as {
    readonly [K in keyof T]?: NonNullable<T[K]>;
  };
}
