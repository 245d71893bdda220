import {
  Fault,
  principal,
  type Dialect,
  type Envelope,
  type Frame,
  type Principal,
  type Session,
  type DialectTypes,
  hasType,
} from "../../src/dialect/index.js";

/**
 * A part of Agent Network (Agent Network §1–4), enough to show that it fits: header login, byte-exact frames, calls
 * to other dialects.
 */
interface Header {
  readonly messageId: string;
  readonly senderId: string;
  readonly recipientId: string;
  readonly messageType: string;
  readonly content: Readonly<Record<string, unknown>>;
}

/** Every type is routed alike but those for the broker; the frame is kept as it came. */
type Command =
  | { readonly type: "AUTH"; readonly token: string; readonly agentId: string }
  | { readonly type: "HEARTBEAT"; readonly header: Header }
  | { readonly type: "PROPOSAL"; readonly header: Header; readonly raw: Frame }
  | { readonly type: "message"; readonly header: Header; readonly raw: Frame };

type Event = { readonly messageType: string } & Readonly<Record<string, unknown>>;

interface State {
  lastHeartbeatAt: number;
  readonly unreached: Set<string>;
}

interface NetworkTypes extends DialectTypes {
  command: Command;
  event: Event;
  state: State;
  phase: "greeting" | "ready";
  limits: object;
  settings: object;
}
type Network = Session<NetworkTypes>;

/** Verifies a token somewhere else, which takes a while. Stands for JWT and JWKS. */
async function verify(token: string): Promise<Principal> {
  await Promise.resolve();
  const agent = /^jwt (.+)$/.exec(token)?.[1];
  if (agent === undefined) throw new Fault("unauthenticated", "the token is not valid", { fatal: true });
  return principal(agent, "proved", { proof: `jwt:${agent}` });
}

function system(session: Network, messageType: string, content: Readonly<Record<string, unknown>>): Event {
  return {
    messageId: session.newId(),
    conversationId: "system",
    senderId: "system",
    recipientId: session.principal?.agent ?? "",
    messageType,
    content,
    timestamp: session.now(),
    metadata: {},
  };
}

function mustBeOwn(session: Network, { senderId }: Header): void {
  if (senderId !== session.principal?.agent) throw new Fault("forbidden", "senderId is not the agent that logged in");
}

/** Agent Network to Agent Network: the frame as it is. Sealed content leaves for no other dialect. */
function pass(session: Network, { header, raw }: { readonly header: Header; readonly raw: Frame }): void {
  mustBeOwn(session, header);
  const there = session.services.directory.agent(header.recipientId);
  if (header.messageType === "ENCRYPTED" && there !== undefined && there.dialect !== "agent-network-sketch") {
    throw new Fault("unsupported", `${header.recipientId} speaks ${there.dialect}, which cannot read sealed messages`);
  }
  session.inform({
    to: header.recipientId,
    messageId: header.messageId,
    content: { message: "a message between Agent Network agents", kind: "sealed" },
    raw,
    hidden: true,
  });
  session.send(system(session, "ACK", { messageId: header.messageId }));
}

export const agentNetworkSketch: Dialect<NetworkTypes> = {
  name: "agent-network-sketch",
  paths: ["/agent-network/v1/connect"],
  subprotocols: ["agent-network.v1"],
  title: "a sketch",
  recognise: (frame) => hasType(frame, ["AUTH"]),
  initialPhase: "greeting",
  open: () => ({ lastHeartbeatAt: 0, unreached: new Set() }),
  async authenticate({ bearer }) {
    return bearer === undefined ? undefined : verify(bearer);
  },
  codec: () => ({
    decode(frame) {
      const value = JSON.parse(frame.toString()) as Header & {
        readonly type?: string;
        readonly token?: string;
        readonly agentId?: string;
      };
      if (value.type === "AUTH") return [{ type: "AUTH", token: value.token ?? "", agentId: value.agentId ?? "" }];
      if (value.messageType === "HEARTBEAT") return [{ type: "HEARTBEAT", header: value }];
      return [{ type: value.messageType === "PROPOSAL" ? "PROPOSAL" : "message", header: value, raw: frame }];
    },
    encode: (event) => JSON.stringify(event),
  }),
  commands: {
    AUTH: {
      phase: "greeting",
      async run(session, { token, agentId }) {
        const who = await verify(token);
        if (who.agent !== agentId)
          throw new Fault("unauthenticated", "the token speaks for another agent", { fatal: true });
        await session.admit(who);
      },
    },
    HEARTBEAT: {
      phase: "ready",
      run(session, { header }) {
        mustBeOwn(session, header);
        session.state.lastHeartbeatAt = session.now();
        session.send(system(session, "HEARTBEAT", header.content));
      },
    },
    // To an agent of another dialect a proposal is a request; its answer comes back as a value, long after this handler
    // is over.
    PROPOSAL: {
      phase: "ready",
      cost: 1,
      run(session, command) {
        const { header } = command;
        if (session.services.directory.agent(header.recipientId)?.dialect === "agent-network-sketch") {
          pass(session, command);
          return;
        }
        mustBeOwn(session, header);
        const answer = (envelope: Envelope): void => {
          session.send(
            system(session, "RESPONSE", {
              requestId: header.messageId,
              data: { text: envelope.content.message },
              error: null,
            }),
          );
        };
        const failed = (thrown: unknown): void => {
          session.send(
            system(session, "ERROR", {
              originalMessageId: header.messageId,
              code: thrown instanceof Fault ? thrown.code : "internal",
            }),
          );
        };
        void session
          .call(
            {
              to: header.recipientId,
              messageId: header.messageId,
              content: { message: JSON.stringify(header.content), kind: "proposal", data: header.content },
            },
            { timeoutMs: 1_000 },
          )
          .then(answer, failed);
      },
    },
    message: {
      phase: "ready",
      cost: 1,
      run: pass,
    },
  },
  render: {
    variant: () => undefined,
    event: ({ from, to, content, message_id }, _meta, session) => ({
      messageId: message_id,
      senderId: from,
      recipientId: to,
      messageType: "INFORM",
      content: { text: content.message },
      forSession: session?.id,
    }),
  },
  greet(session) {
    session.phase = "ready";
    session.state.lastHeartbeatAt = session.now();
    session.send(
      system(session, "CONNECTED", { connectionId: session.id, heartbeatInterval: 30_000, serverTime: session.now() }),
    );
    const check = (): void => {
      if (session.now() - session.state.lastHeartbeatAt > 90_000) session.close({ code: 4408, reason: "no heartbeat" });
      else session.after(30_000, check);
    };
    session.after(30_000, check);
  },
  leave(session) {
    session.state.unreached.clear();
  },
  refuse: (fault, command, session) => ({
    reply: system(session, "ERROR", {
      code: fault.code,
      message: fault.message,
      originalMessageId: command !== undefined && "header" in command ? command.header.messageId : undefined,
    }),
    ...(fault.code === "unauthenticated" && { close: { code: 4401, reason: fault.message } }),
  }),
};
