import { Fault } from "#dialect";

/** What comes unasked, by its type, and at which endpoint (Visualisation §3.1). */
export const agentStreams = [
  "agent.registered",
  "agent.positions",
  "agent.state.changed",
  "agent.performance.update",
  "agent.capability.update",
  "system.metrics",
] as const;
export const graphStreams = [
  "message.sent",
  "message.flow.stats",
  "coordination.initiated",
  "coordination.progress",
] as const;
export const controlStreams = ["control.result", "control.multi-agent.configured"] as const;

export const streamNames = [...agentStreams, ...graphStreams, ...controlStreams] as const;
export type StreamName = (typeof streamNames)[number];

/** What the broker shows of agents and their talk, for which somebody needs a right to look. */
export type ShownStream = (typeof agentStreams)[number] | (typeof graphStreams)[number];

/** True for the name of a stream. */
export function isStreamName(text: string): text is StreamName {
  return (streamNames as readonly string[]).includes(text);
}

/** The stream of this name. @throws Fault malformed: there is none */
export function streamOf(name: string): StreamName {
  if (isStreamName(name)) return name;
  throw new Fault("malformed", `streams: there is no stream ${name}; there are ${streamNames.join(", ")}`);
}
