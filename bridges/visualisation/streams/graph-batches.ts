import type { CoordinationEvent, Flow, SystemFigures, Telemetry } from "#dialect";
import { encodeCoordination } from "../binary/encode.js";
import { BinaryProblem } from "../binary/frame.js";
import { piecesOf, type Batch } from "./batch.js";
import type { EventWriter } from "./event-writer.js";
import { flowPayload, messagePayload } from "./payloads.js";
import type { Sampled } from "./sampler.js";

type Names = Pick<Telemetry, "agent">;

/** Messages that were said, chosen for each insight apart. */
export function messagesBatch(
  said: { readonly observe: readonly Sampled[]; readonly inspect: readonly Sampled[] },
  writer: EventWriter,
  telemetry: Names,
): Batch {
  return {
    stream: "message.sent",
    *texts(insight) {
      for (const piece of piecesOf(said[insight]))
        yield piece.map(({ said: one, sampled }) => {
          const metadata = sampled === 1 ? undefined : { sampled };
          return writer.event("message.sent", messagePayload(one, insight, telemetry), metadata);
        });
    },
    missed(viewer) {
      viewer.outlet.lose(said[viewer.insight].length);
    },
  };
}

/** Who talks to whom. Who misses it is told of those pairs later: its `flowsSince` stays. */
export function flowsBatch(flows: readonly Flow[], since: number, writer: EventWriter): Batch {
  return {
    stream: "message.flow.stats",
    *texts(insight) {
      const shown = insight === "inspect" ? flows : flows.filter(({ hidden }) => !hidden);
      for (const piece of piecesOf(shown))
        yield piece.map((flow) => writer.event("message.flow.stats", flowPayload(flow)));
    },
    missed(viewer) {
      viewer.flowsSince = Math.min(viewer.flowsSince, since);
    },
  };
}

/** What happens in coordinations, of one type of events. */
export function coordinationBatch(
  stream: CoordinationEvent["type"],
  events: readonly CoordinationEvent[],
  writer: EventWriter,
): Batch {
  const shown = { inspect: events, observe: events.filter(({ hidden }) => !hidden) };
  const text = ({ type, payload }: CoordinationEvent): string => writer.event(type, payload);
  return {
    stream,
    *texts(insight) {
      for (const piece of piecesOf(shown[insight])) yield piece.map(text);
    },
    *frames(insight) {
      for (const piece of piecesOf(shown[insight]))
        yield piece.map((event) => {
          try {
            return encodeCoordination({ ...event.payload, type: event.type });
          } catch (thrown) {
            if (thrown instanceof BinaryProblem) return text(event);
            throw thrown;
          }
        });
    },
    missed(viewer) {
      viewer.outlet.lose(shown[viewer.insight].length);
    },
  };
}

/** The system's figures. Who misses them is told the next. */
export function systemBatch(figures: SystemFigures, writer: EventWriter): Batch {
  return {
    stream: "system.metrics",
    *texts() {
      yield [writer.event("system.metrics", figures)];
    },
    missed: () => undefined,
  };
}
