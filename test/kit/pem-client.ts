import { generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { ChatWire, type ChatFrame } from "./chat-wire.js";

/** What a client of other makers has of its key. */
export interface PemKey {
  /** As it goes over the wire. */
  readonly pem: string;
  readonly privateKey: KeyObject;
}

/** A new key, as PEM. */
export function pemKey(): PemKey {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  return { pem: publicKey.export({ format: "pem", type: "spki" }).toString(), privateKey };
}

/** Ed25519 over the UTF-8 of `text`, base64. */
export function signedBy({ privateKey }: PemKey, text: string): string {
  return sign(null, Buffer.from(text), privateKey).toString("base64");
}

/**
 * An AgentChat client of other makers, small and of our own: its key goes as PEM, its messages have no id, what is
 * missing is null, the texts of proposals and acceptances that it signs have one field more, which is empty.
 */
export class PemClient {
  readonly wire: ChatWire;
  readonly key: PemKey;

  private constructor(wire: ChatWire, key: PemKey) {
    this.wire = wire;
    this.key = key;
  }

  /**
   * Connects and says who it is; resolves after WELCOME. A challenge is answered if `proves` is true and is not even
   * noticed if it is false, as by clients that are older than challenges.
   */
  static async enter(
    url: string,
    name: string,
    { key = pemKey(), proves = true }: { readonly key?: PemKey; readonly proves?: boolean } = {},
  ): Promise<PemClient> {
    const wire = await ChatWire.open(url);
    const client = new PemClient(wire, key);
    if (proves) client.#answerChallenge();
    wire.say({ type: "IDENTIFY", name, pubkey: key.pem });
    wire.id = String((await wire.hears(({ type }) => type === "WELCOME"))["agent_id"]);
    return client;
  }

  /** Joins a channel; resolves with the answer. */
  async join(channel: string): Promise<ChatFrame> {
    this.wire.say({ type: "JOIN", channel });
    return this.wire.hears(({ type, channel: joined }) => type === "JOINED" && joined === channel);
  }

  /** Says something, signed. */
  message(to: string, content: string): void {
    const ts = Date.now();
    this.wire.say({ type: "MSG", to, content, ts, sig: signedBy(this.key, JSON.stringify({ to, content, ts })) });
  }

  /** Proposes work; resolves with the event that tells of it. */
  async propose(to: string, task: string, amount: number | null = null): Promise<ChatFrame> {
    const sig = signedBy(this.key, [to, task, amount === null || amount === 0 ? "" : amount, "", "", "", ""].join("|"));
    const missing = { currency: null, payment_code: null, terms: null, expires: null, elo_stake: null };
    this.wire.say({ type: "PROPOSAL", to, task, amount, ...missing, sig });
    return this.wire.hears(({ type, sig: told }) => type === "PROPOSAL" && told === sig);
  }

  /** Accepts what was proposed; resolves with the event that tells of it. */
  async accept(proposalId: string): Promise<ChatFrame> {
    const sig = signedBy(this.key, `ACCEPT|${proposalId}||`);
    this.wire.say({ type: "ACCEPT", proposal_id: proposalId, payment_code: null, elo_stake: null, sig });
    return this.wire.hears(({ type, sig: told }) => type === "ACCEPT" && told === sig);
  }

  /** Says that it is done; resolves with the event that tells of it. */
  async complete(proposalId: string): Promise<ChatFrame> {
    const sig = signedBy(this.key, `COMPLETE|${proposalId}|`);
    this.wire.say({ type: "COMPLETE", proposal_id: proposalId, proof: null, sig });
    return this.wire.hears(({ type, sig: told }) => type === "COMPLETE" && told === sig);
  }

  close(): void {
    this.wire.socket.close();
  }

  #answerChallenge(): void {
    this.wire.socket.on("message", (data: Buffer) => {
      const said = JSON.parse(data.toString()) as ChatFrame;
      if (said.type !== "CHALLENGE") return;
      const [id, timestamp] = [String(said["challenge_id"]), Date.now()];
      const signature = signedBy(this.key, `AGENTCHAT_AUTH|${String(said["nonce"])}|${id}|${timestamp}`);
      this.wire.say({ type: "VERIFY_IDENTITY", challenge_id: id, signature, timestamp });
    });
  }
}
