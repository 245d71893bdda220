import { createHash, createPublicKey, randomBytes, verify } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { WebSocketServer, type WebSocket } from "ws";

/** A frame, read. */
type Frame = Readonly<Record<string, unknown>>;

/**
 * `plain`: as the document says it, and nothing more: no proof of keys, no ids of messages, lists of ids, steps that say
 * neither who took them nor for whom. `proving`: asks for the proof of a key before WELCOME, gives messages ids of its
 * own, lists agents as `{id, name}`, verifies steps, whose texts have one field more, and names the proposal's parties
 * in each.
 */
export type PemServerKind = "plain" | "proving";

interface Session {
  readonly id: string;
  readonly name: string;
  readonly pubkey: string | undefined;
  readonly socket: WebSocket;
}

const steps = { ACCEPT: "payment_code", REJECT: "reason", COMPLETE: "proof", DISPUTE: "reason" } as const;
const statuses = { ACCEPT: "accepted", REJECT: "rejected", COMPLETE: "completed", DISPUTE: "disputed" } as const;

/**
 * An AgentChat server of other makers, small and of our own: it takes keys as PEM only, names nothing in its refusals,
 * says null for what is missing, lets only members speak in a channel, and tells the past of a channel after every JOIN.
 */
export class PemServer {
  readonly url: string;
  /** The texts of the keys that agents came with. */
  readonly keys: string[] = [];
  /** Refuses each message of an agent that comes within this time after another; milliseconds. */
  messageEveryMs = 0;
  /** Refuses every IDENTIFY with this code. */
  refusesAll: string | undefined;
  /** Refuses every MSG with this code. */
  refusesMessages: string | undefined;
  readonly #kind: PemServerKind;
  readonly #server: WebSocketServer;
  readonly #sessions = new Map<WebSocket, Session>();
  readonly #channels = new Map<string, { readonly members: Set<Session>; readonly past: Frame[]; open: boolean }>();
  readonly #proposals = new Map<string, { readonly from: string; readonly to: string }>();
  readonly #lastSaid = new Map<Session, number>();
  readonly #challenges = new Map<WebSocket, { readonly said: Frame; readonly nonce: string }>();

  private constructor(kind: PemServerKind, server: WebSocketServer) {
    this.#kind = kind;
    this.#server = server;
    this.url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
    for (const name of ["#general", "#agents"]) this.#channels.set(name, { members: new Set(), past: [], open: true });
    server.on("connection", (socket) => {
      socket.on("message", (data: Buffer) => {
        this.#hear(socket, JSON.parse(data.toString()) as Frame);
      });
      socket.on("close", () => {
        this.#leaves(socket);
      });
    });
  }

  static async start(kind: PemServerKind, port = 0): Promise<PemServer> {
    const server = new WebSocketServer({ host: "127.0.0.1", port });
    await once(server, "listening");
    return new PemServer(kind, server);
  }

  /** Says something to everybody. */
  sayAll(event: Frame): void {
    this.#tell(new Set(this.#sessions.values()), event);
  }

  /** Ends every connection, as a fault of the network would. */
  dropAll(): void {
    for (const socket of this.#server.clients) socket.terminate();
  }

  async stop(): Promise<void> {
    this.dropAll();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  #hear(socket: WebSocket, said: Frame): void {
    const code = this.#answer(socket, said, String(said["type"]));
    if (code !== undefined) refuse(socket, code);
  }

  /** @returns the code of a refusal */
  #answer(socket: WebSocket, said: Frame, type: string): string | undefined {
    const session = this.#sessions.get(socket);
    if (type === "IDENTIFY") return this.#identify(socket, said);
    if (type === "VERIFY_IDENTITY") return this.#verify(socket, said);
    if (type === "PING") {
      say(socket, { type: "PONG" });
      return;
    }
    if (session === undefined) return "AUTH_REQUIRED";
    if (type === "MSG") return this.#message(session, said);
    if (type === "PROPOSAL") return this.#propose(session, said);
    if (type in steps) return this.#step(session, said, type as keyof typeof steps);
    if (type !== "LIST_CHANNELS") return this.#inChannel(session, said, type);
    const list = [...this.#channels].filter(([, { open }]) => open);
    say(socket, { type: "CHANNELS", list: list.map(([name, { members }]) => ({ name, agents: members.size })) });
  }

  #identify(socket: WebSocket, said: Frame): string | undefined {
    if (this.refusesAll !== undefined) return this.refusesAll;
    const { pubkey } = said;
    if (pubkey === undefined || pubkey === null) {
      this.#welcome(socket, said, undefined);
      return;
    }
    if (typeof pubkey !== "string" || !isPem(pubkey)) return "INVALID_MSG";
    this.keys.push(pubkey);
    if (this.#kind === "plain") {
      this.#welcome(socket, said, pubkey);
      return;
    }
    const nonce = randomBytes(16).toString("hex");
    this.#challenges.set(socket, { said, nonce });
    say(socket, { type: "CHALLENGE", challenge_id: "c", nonce, expires_at: Date.now() + 60_000 });
  }

  #verify(socket: WebSocket, { signature, timestamp }: Frame): string | undefined {
    const challenge = this.#challenges.get(socket);
    if (challenge === undefined) return "VERIFICATION_EXPIRED";
    const { said, nonce } = challenge;
    const text = `AGENTCHAT_AUTH|${nonce}|c|${String(timestamp)}`;
    if (!isSigned(text, signature, String(said["pubkey"]))) return "VERIFICATION_FAILED";
    this.#welcome(socket, said, String(said["pubkey"]));
  }

  #welcome(socket: WebSocket, { name }: Frame, pubkey: string | undefined): undefined {
    const digits = this.#kind === "plain" ? 8 : 16;
    const id = createHash("sha256")
      .update(pubkey ?? randomBytes(8))
      .digest("hex")
      .slice(0, digits);
    const old = this.#sessionOf(`@${id}`);
    if (old !== undefined) {
      if (this.#kind === "plain") refuse(old.socket, "INVALID_MSG", "Another connection has this identity now");
      else say(old.socket, { type: "SESSION_DISPLACED", reason: "another connection has proved this identity" });
      this.#leaves(old.socket);
      old.socket.close(1000, "Identity claimed by another connection");
    }
    this.#sessions.set(socket, { id: `@${id}`, name: String(name), pubkey, socket });
    say(socket, { type: "WELCOME", agent_id: `@${id}`, name, server: "other", motd: null });
  }

  #inChannel(session: Session, said: Frame, type: string): string | undefined {
    const { socket } = session;
    const name = String(said["channel"]);
    const channel = this.#channels.get(name);
    if (type === "CREATE_CHANNEL") {
      if (channel !== undefined) return "CHANNEL_EXISTS";
      this.#channels.set(name, { members: new Set([session]), past: [], open: said["invite_only"] !== true });
      say(socket, { type: "JOINED", channel: name, agents: [session.id] });
      return;
    }
    if (channel === undefined) return type === "LEAVE" ? undefined : "CHANNEL_NOT_FOUND";
    const { members, past, open } = channel;
    if (type === "JOIN") {
      if (!open && !members.has(session)) return "NOT_INVITED";
      if (!members.has(session)) this.#tell(members, { type: "AGENT_JOINED", channel: name, agent: session.id });
      members.add(session);
      say(socket, { type: "JOINED", channel: name, agents: this.#listed(members) });
      for (const message of past) say(socket, { ...message, replay: true });
      say(socket, { type: "MSG", from: "@server", to: name, content: "welcome here" });
    } else if (type === "LEAVE") {
      members.delete(session);
      this.#tell(members, { type: "AGENT_LEFT", channel: name, agent: session.id });
      say(socket, { type: "LEFT", channel: name });
    } else if (type === "LIST_AGENTS") say(socket, { type: "AGENTS", channel: name, list: this.#listed(members) });
    else if (type === "INVITE") {
      if (!members.has(session)) return "NOT_INVITED";
      const guest = this.#sessionOf(said["agent"]);
      if (guest !== undefined) members.add(guest);
    } else refuse(socket, "INVALID_MSG", `no such type: ${type}`);
  }

  #message(session: Session, { to, content, sig, in_reply_to: inReplyTo }: Frame): string | undefined {
    if (this.refusesMessages !== undefined) return this.refusesMessages;
    const now = Date.now();
    if (now - (this.#lastSaid.get(session) ?? -Infinity) < this.messageEveryMs) return "RATE_LIMITED";
    this.#lastSaid.set(session, now);
    const message = {
      type: "MSG",
      ts: now,
      from: session.id,
      to,
      content,
      ...(sig !== undefined && { sig }),
      ...(this.#kind === "proving" && {
        from_name: session.name,
        msg_id: randomBytes(6).toString("hex"),
        ...(inReplyTo !== undefined && { in_reply_to: inReplyTo }),
        verified: false, // of the sender: this server has not been told to trust it
      }),
    };
    const channel = this.#channels.get(String(to));
    if (channel !== undefined) {
      if (!channel.members.has(session)) return "NOT_INVITED";
      channel.past.push(message);
      this.#tell(channel.members, message);
      return;
    }
    if (String(to).startsWith("#")) return "CHANNEL_NOT_FOUND";
    const other = this.#sessionOf(to);
    if (other === undefined) return "AGENT_NOT_FOUND";
    this.#tell(new Set([other, session]), message);
  }

  #propose(from: Session, said: Frame): string | undefined {
    const { sig, ...terms } = said;
    const to = this.#sessionOf(said["to"]);
    if (from.pubkey === undefined) return "SIGNATURE_REQUIRED";
    const fields = ["to", "task", "amount", "currency", "payment_code", "expires"].map((field) => said[field]);
    if (!this.#accepts(from, [...fields, ""], sig)) return "VERIFICATION_FAILED";
    if (to === undefined) return "AGENT_NOT_FOUND";
    const id = `p${String(this.#proposals.size + 1)}`;
    this.#proposals.set(id, { from: from.id, to: to.id });
    const missing = { amount: null, currency: null, payment_code: null, terms: null, expires: null };
    this.#tell(new Set([to, from]), { ...missing, ...terms, id, from: from.id, status: "pending", sig });
  }

  #step(session: Session, said: Frame, type: keyof typeof steps): string | undefined {
    const proposal = this.#proposals.get(String(said["proposal_id"]));
    const field = steps[type];
    const texts = [type, said["proposal_id"], said[field], ...(type === "ACCEPT" ? [""] : [])];
    if (!this.#accepts(session, texts, said["sig"])) return "VERIFICATION_FAILED";
    if (proposal === undefined) return "INVALID_PROPOSAL";
    const parties = [proposal.from, proposal.to].flatMap((party) => this.#sessionOf(party) ?? []);
    this.#tell(new Set(parties), {
      type,
      proposal_id: said["proposal_id"],
      ...(this.#kind === "proving" && { from: proposal.from, to: proposal.to }), // as in the proposal
      updated_at: Date.now(),
      status: statuses[type],
      [field]: said[field] ?? null,
      ...(type === "COMPLETE" && { completed_by: session.id, completed_at: Date.now() }),
      ...(type === "DISPUTE" && { disputed_by: session.id, disputed_at: Date.now() }),
      sig: said["sig"],
    });
  }

  #accepts({ pubkey }: Session, fields: readonly unknown[], sig: unknown): boolean {
    const text = fields
      .map((field) => (typeof field === "string" || typeof field === "number" ? field || "" : ""))
      .join("|");
    return pubkey !== undefined && (this.#kind === "plain" || isSigned(text, sig, pubkey));
  }

  #listed(members: ReadonlySet<Session>): readonly unknown[] {
    return [...members].map(({ id, name }) =>
      this.#kind === "plain" ? id : { id, name, presence: "online", status_text: null, verified: false },
    );
  }

  #sessionOf(id: unknown): Session | undefined {
    return [...this.#sessions.values()].find((one) => one.id === id);
  }

  #tell(sessions: ReadonlySet<Session>, event: Frame): undefined {
    for (const { socket } of sessions) say(socket, event);
  }

  #leaves(socket: WebSocket): void {
    const session = this.#sessions.get(socket);
    if (session === undefined) return;
    this.#sessions.delete(socket);
    for (const [channel, { members }] of this.#channels)
      if (members.delete(session)) this.#tell(members, { type: "AGENT_LEFT", channel, agent: session.id });
  }
}

function say(socket: WebSocket, event: Frame): undefined {
  socket.send(JSON.stringify({ ts: Date.now(), ...event }));
}

function refuse(socket: WebSocket, code: string, message = "no"): void {
  say(socket, { type: "ERROR", code, message });
}

function isPem(text: string): boolean {
  try {
    return createPublicKey(text).asymmetricKeyType === "ed25519";
  } catch {
    return false;
  }
}

function isSigned(text: string, sig: unknown, pem: string): boolean {
  return typeof sig === "string" && verify(null, Buffer.from(text), createPublicKey(pem), Buffer.from(sig, "base64"));
}
