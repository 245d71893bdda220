import { Message, type Envelope, type Sight, type Subscriber, type WireSubscriber } from "../../src/core/index.js";

/** Notes every topic it hears, with a star for what it observes only. */
export class Ear implements Subscriber {
  readonly heard: string[] = [];
  readonly sight: Sight;
  readonly name: string;

  constructor(name = "", sight: Sight = "direct") {
    this.name = name;
    this.sight = sight;
  }

  deliver(message: Message, observed: boolean): boolean {
    this.heard.push(`${observed ? "*" : ""}${message.topic}`);
    return true;
  }
}

/** The same for a ZeroMQ peer. */
export class WireEar extends Ear implements WireSubscriber {
  forward(): void {
    throw new Error("the router hands over messages, not bytes");
  }
}

/** A message to a topic. */
export function to(topic: string): Message {
  const envelope: Envelope = {
    message_id: "1",
    timestamp: "",
    from: "x",
    to: topic,
    type: "inform",
    priority: "NORMAL",
    content: { message: "" },
  };
  return Message.of(envelope, { topic, receivedAt: 0, trust: "claimed", origin: {} });
}
