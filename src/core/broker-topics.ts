import { Fault } from "./fault.js";
import { brokerTopic, eventsTopic, isPacked, telemetryTopic } from "./topic.js";

/** Why no agent may publish to a topic of the broker; undefined for every other topic (ZeroMQ §8.3). */
export function publishFault(topic: string): Fault | undefined {
  if (!topic.startsWith("$") || topic === brokerTopic || topic === telemetryTopic || isPacked(topic)) return undefined;
  return new Fault(
    "forbidden",
    topic === eventsTopic
      ? `only the broker publishes to ${eventsTopic}`
      : `there is no topic ${topic}; the broker answers at ${brokerTopic}`,
  );
}

/** Why an agent may not hear a topic of the broker; undefined for every other topic. `observes`: it hears everything. */
export function hearFault(topic: string, observes: boolean): Fault | undefined {
  if (!topic.startsWith("$") || topic === eventsTopic || isPacked(topic)) return undefined;
  if (topic === brokerTopic)
    return new Fault("forbidden", `only the broker hears what is sent to it; subscribe to ${eventsTopic}`);
  if (topic !== telemetryTopic)
    return new Fault(
      "unsupported",
      `there is no topic ${topic}; the broker's topics are ${brokerTopic}, ${eventsTopic} and ${telemetryTopic}`,
    );
  return observes
    ? undefined
    : new Fault(
        "forbidden",
        `${topic} needs a token with scope observe or inspect (broker token NAME --scope observe)`,
      );
}
