import {
  principal,
  type Codec,
  type Dialect,
  type Session,
  type DialectTypes,
  hasType,
} from "../../src/dialect/index.js";

/**
 * A part of AgentChat (AgentChat §2–3), enough to show that it fits: ephemeral names, the challenge, channels,
 * its echo.
 */
type Command =
  | { readonly type: "IDENTIFY"; readonly name: string; readonly pubkey?: string }
  | {
      readonly type: "VERIFY_IDENTITY";
      readonly challenge_id: string;
      readonly signature: string;
      readonly timestamp: number;
    }
  | { readonly type: "JOIN"; readonly channel: string; readonly replay?: number }
  | { readonly type: "MSG"; readonly to: string; readonly content: string; readonly msg_id?: string }
  | { readonly type: "CREATE_CHANNEL"; readonly channel: string; readonly invite_only?: boolean }
  | { readonly type: "LIST_CHANNELS" }
  | { readonly type: "PING" };

type Event = { readonly type: string } & Readonly<Record<string, unknown>>;

interface Challenge {
  readonly id: string;
  readonly nonce: string;
  readonly expiresAt: number;
  readonly pubkey: string;
}

interface State {
  challenge: Challenge | undefined;
  readonly echo: boolean;
}

interface ChatTypes extends DialectTypes {
  command: Command;
  event: Event;
  state: State;
  phase: "greeting" | "challenged" | "ready";
  limits: object;
  settings: object;
}
type Chat = Session<ChatTypes>;

const codec: Codec<Command, Event> = {
  /** Several JSON messages in one frame, separated by newlines. */
  decode: (frame) =>
    frame
      .toString()
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Command),
  encode: (event) => JSON.stringify(event),
};

/** Signed text of a challenge; a test verifies by comparing, the real one by Ed25519. */
export function signedText(nonce: string, id: string, timestamp: number): string {
  return `AGENTCHAT_AUTH|${nonce}|${id}|${timestamp}`;
}

function challenge(session: Chat, pubkey: string): void {
  const made: Challenge = { id: session.newId(), nonce: session.newId(), expiresAt: session.now() + 60_000, pubkey };
  session.state.challenge = made;
  session.send({ type: "CHALLENGE", challenge_id: made.id, nonce: made.nonce, expires_at: made.expiresAt });
}

async function welcome(session: Chat, agent: string, proof: string | undefined): Promise<void> {
  await session.admit(
    principal(agent, proof === undefined ? "claimed" : "proved", proof === undefined ? {} : { proof }),
  );
  session.phase = "ready";
  session.send({ type: "WELCOME", agent_id: `@${agent}`, server: "sketch" });
}

export const agentChatSketch: Dialect<ChatTypes> = {
  name: "agentchat-sketch",
  paths: ["/agentchat"],
  subprotocols: ["agentchat.v1"],
  title: "a sketch",
  recognise: (frame) => hasType(frame, ["IDENTIFY", "JOIN", "MSG", "PING"]),
  initialPhase: "greeting",
  loginMs: 30_000,
  open: () => ({ challenge: undefined, echo: true }),
  codec: () => codec,
  commands: {
    IDENTIFY: {
      phase: "greeting",
      async run(session, { name, pubkey }) {
        if (pubkey === undefined) return welcome(session, `${name}-${session.id}`, undefined);
        // A key once proved is never again taken unproved: CHALLENGE first, WELCOME after it.
        if (session.services.identity.isProtected(pubkey)) {
          session.phase = "challenged";
          challenge(session, pubkey);
          return;
        }
        await welcome(session, pubkey, undefined);
        challenge(session, pubkey);
      },
    },
    VERIFY_IDENTITY: {
      phase: ["challenged", "ready"],
      async run(session, { challenge_id, signature, timestamp }) {
        const open = session.state.challenge;
        session.state.challenge = undefined;
        if (open?.id !== challenge_id || signature !== signedText(open.nonce, open.id, timestamp)) {
          session.send({ type: "ERROR", code: "VERIFICATION_FAILED", message: "the signature does not verify" });
          return;
        }
        const proof = `key:${open.pubkey}`;
        if (session.principal === undefined) await welcome(session, open.pubkey, proof);
        else await session.raise(principal(open.pubkey, "proved", { proof }));
        session.send({ type: "VERIFY_SUCCESS", agent_id: `@${open.pubkey}` });
      },
    },
    JOIN: {
      phase: "ready",
      run(session, { channel, replay }) {
        session.join(channel, { create: false, ...(replay !== undefined && { history: replay }) });
        const agents = session.services.directory.members(channel, session.principal).map((name) => `@${name}`);
        session.send({ type: "JOINED", channel, agents });
      },
    },
    MSG: {
      phase: "ready",
      cost: ({ content }) => 1 + Math.floor(content.length / 10_000),
      run(session, { to, content, msg_id }) {
        session.say({
          to: to.replace(/^@/, ""),
          content: { message: content },
          ...(msg_id !== undefined && { messageId: msg_id }),
        });
        if (to.startsWith("@") && session.state.echo)
          session.send({ type: "MSG", from: `@${session.principal?.agent ?? ""}`, to, content });
      },
    },
    CREATE_CHANNEL: {
      phase: "ready",
      async run(session, { channel, invite_only = false }) {
        await session.create(channel, { inviteOnly: invite_only });
        session.send({ type: "JOINED", channel, agents: [`@${session.principal?.agent ?? ""}`] });
      },
    },
    LIST_CHANNELS: {
      phase: "ready",
      run(session) {
        session.send({
          type: "CHANNELS",
          list: session.services.directory
            .rooms(session.principal)
            .map(({ name, members }) => ({ name, agents: members })),
        });
      },
    },
    PING: {
      phase: "any",
      run(session) {
        session.send({ type: "PONG" });
      },
    },
  },
  rate: { refusal: "too fast", buckets: () => [{ owner: "connection", rate: { perSecond: 1, burst: 10 } }] },
  render: {
    variant: () => "json",
    event({ from, to, content, timestamp }, { replay }) {
      const at = to.startsWith("#") ? to : to === "all" ? "#all" : `@${to}`;
      if (content.kind === "room.joined") return { type: "AGENT_JOINED", data: content.data };
      return {
        type: "MSG",
        from: `@${from}`,
        to: at,
        content: content.message,
        ts: Date.parse(timestamp),
        ...(replay && { replay }),
      };
    },
  },
  // A message to a channel reaches its sender, too.
  wants: (_envelope, { state }, own) => !own || state.echo,
  refuse: ({ code, message }, command) => ({
    reply: {
      type: "ERROR",
      code: code === "unauthenticated" ? "AUTH_REQUIRED" : "INVALID_MSG",
      message,
      ...(command !== undefined && { ref: command.type }),
    },
  }),
};
