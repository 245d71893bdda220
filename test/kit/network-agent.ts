import type { TestBroker } from "./broker.js";
import { networkMessage, networkUrl, NetworkWire, type NetworkFrame } from "./network-wire.js";
import { issueToken } from "./tokens.js";

/** An agent of Agent Network: a wire that says everything in one agent's name, each message under an id of its own. */
export class NetworkAgent {
  readonly name: string;
  readonly wire: NetworkWire;
  #said = 0;

  private constructor(name: string, wire: NetworkWire) {
    this.name = name;
    this.wire = wire;
  }

  /** Logs in by a token of the agent's own. */
  static async enter(at: TestBroker, name: string): Promise<NetworkAgent> {
    const token = await issueToken(at.dataDir, name, "ws");
    return new NetworkAgent(name, await NetworkWire.login(networkUrl(at.pan), name, token));
  }

  /** Says something to somebody. @returns the frame */
  say(recipientId: string, messageType: string, content: object, more: Partial<NetworkFrame> = {}): NetworkFrame {
    this.#said += 1;
    const frame = networkMessage(this.name, recipientId, {
      messageId: `${this.name}-${this.#said}`,
      conversationId: `conv-${this.name}`,
      messageType,
      content: content as NetworkFrame["content"],
      timestamp: Date.now(),
      ...more,
    });
    this.wire.say(frame);
    return frame;
  }

  /** The first frame that fits and has not been taken yet. */
  hears(wanted: (frame: NetworkFrame) => boolean): Promise<NetworkFrame> {
    return this.wire.hears(wanted);
  }

  hearsOf(senderId: string, messageType: string): Promise<NetworkFrame> {
    return this.hears((frame) => frame.senderId === senderId && frame.messageType === messageType);
  }

  /** What it has heard and nobody has asked for, in order. */
  heard(): readonly NetworkFrame[] {
    return this.wire.heard.map((text) => JSON.parse(text) as NetworkFrame);
  }

  /** Asks the broker something; resolves with the content of its RESPONSE. */
  asks(queryType: string, parameters?: object): Promise<NetworkFrame["content"]> {
    this.#said += 1;
    return this.wire.asks(this.name, queryType, parameters, `ask-${this.#said}`);
  }

  /** Resolves when everything said before has been handled. */
  settled(): Promise<void> {
    return this.wire.settled(this.name);
  }

  close(): void {
    this.wire.close();
  }
}
