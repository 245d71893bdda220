import { agentchat } from "../../bridges/agentchat/index.js";
import { echo } from "../../bridges/echo/index.js";
import { keyFor, type TestKey } from "./agentchat-keys.js";
import { ConformanceWorld } from "../../src/conformance/world.js";
import type { Conversation } from "../../src/conformance/conversation.js";

/** An agent on a connection of a test. */
export interface Chatter {
  readonly client: Conversation;
  /** With `@`. */
  readonly id: string;
  readonly key: TestKey | undefined;
}

/** A broker without sockets that speaks AgentChat, and echo for the others. */
export class AgentChatWorld extends ConformanceWorld {
  constructor(options: ConstructorParameters<typeof ConformanceWorld>[1] = {}) {
    super([agentchat, echo], { ...options, limits: { agentchatRatePerSecond: 0, ...options.limits } });
  }

  /** Somebody without a key. */
  async ephemeral(name: string, more: Readonly<Record<string, unknown>> = {}): Promise<Chatter> {
    const client = this.connect("/agentchat");
    await client.says({ type: "IDENTIFY", name, ...more });
    const { agent_id: id } = await client.hears({ type: "WELCOME" });
    return { client, id: String(id), key: undefined };
  }

  /** Somebody with the key of that name, proved. */
  async proved(name: string, more: Readonly<Record<string, unknown>> = {}): Promise<Chatter> {
    const client = this.connect("/agentchat");
    const key = keyFor(name);
    await client.says({ type: "IDENTIFY", name, pubkey: key.spki, ...more });
    await this.answers(client, key);
    await client.hears({ type: "WELCOME" });
    await client.hears({ type: "VERIFY_SUCCESS" });
    return { client, id: `@${key.id}`, key };
  }

  /** Answers the challenge that was heard. */
  async answers(client: Conversation, key: TestKey, change: Readonly<Record<string, unknown>> = {}): Promise<void> {
    const { challenge_id, nonce } = await client.hears({ type: "CHALLENGE" });
    const timestamp = this.clock.now();
    const signature = key.signs(`AGENTCHAT_AUTH|${String(nonce)}|${String(challenge_id)}|${timestamp}`);
    await client.says({ type: "VERIFY_IDENTITY", challenge_id, signature, timestamp, ...change });
  }
}
