import type { Conversation, Heard } from "../../../../src/conformance/conversation.js";
import { ConformanceWorld } from "../../../../src/conformance/world.js";
import { Fault } from "../../../../src/core/index.js";
import { defineDialect, type DialectTypes } from "../../../../src/dialect/index.js";
import type { CommandState } from "../../../../bridges/visualisation/commands/command-session.js";
import {
  announceConfigured,
  configure,
  type ConfigureCommand,
} from "../../../../bridges/visualisation/commands/configure.js";
import { execute, type ExecuteCommand } from "../../../../bridges/visualisation/commands/execute.js";
import { errorPayload } from "../../../../bridges/visualisation/errors.js";
import { outletOf } from "../../../../bridges/visualisation/streams/outlet.js";
import { controlStreams } from "../../../../bridges/visualisation/streams/stream-name.js";
import type { ToldEvent } from "../../../../bridges/visualisation/streams/stream-session.js";
import { listedDialect } from "../../../kit/listed-dialect.js";
import { pan } from "../../../../bridges/pan/index.js";

interface Commander extends DialectTypes {
  command:
    | { readonly type: "handshake"; readonly token: string }
    | { readonly type: "heartbeat" | "deaf" }
    | { readonly type: "channel.create" | "channel.close"; readonly channelId: string }
    | (ExecuteCommand & { readonly type: "control.execute" })
    | (ConfigureCommand & { readonly type: "control.multi-agent.configure" });
  event: ToldEvent;
  state: CommandState;
  phase: "greeting" | "ready";
  limits: object;
  settings: object;
}

const commander = defineDialect<Commander>({
  name: "commander",
  paths: ["/api/control/ws"],
  subprotocols: [],
  title: "commander",
  initialPhase: "greeting",
  open: () => ({
    insight: undefined,
    binary: false,
    compression: undefined,
    streams: new Set(controlStreams),
    positionRate: 10,
    outlet: undefined,
    answers: undefined,
    configuring: undefined,
  }),
  codec: () => ({
    decode: (frame) => {
      const said = JSON.parse(frame.toString()) as Commander["command"] & { channel?: string; message?: object };
      const { channel: via, message } = said;
      return [via === undefined ? said : ({ ...message, via } as Commander["command"])];
    },
    encode: (event) => JSON.stringify(event),
  }),
  commands: {
    handshake: {
      phase: "greeting",
      async run(session, { token }) {
        const shown = await session.services.identity.bearer(token, "visualisation");
        await session.view(await shown.viewer(), `control-${session.id}`);
        session.phase = "ready";
        session.send({ type: "handshake_ack" });
      },
    },
    heartbeat: {
      phase: "ready",
      run(session) {
        session.send({ type: "heartbeat" });
      },
    },
    deaf: {
      phase: "ready",
      run({ state }) {
        (state.streams as Set<string>).clear();
      },
    },
    "channel.create": {
      phase: "ready",
      run(session, { channelId }) {
        outletOf(session).channels.create({ channelId });
      },
    },
    "channel.close": {
      phase: "ready",
      run(session, { channelId }) {
        outletOf(session).close(channelId);
      },
    },
    "control.execute": { phase: "ready", run: execute },
    "control.multi-agent.configure": { phase: "ready", run: configure },
  },
  render: { variant: () => "", event: () => undefined },
  refuse(fault, command) {
    const requestId = command !== undefined && "id" in command ? command.id : null;
    const payload = errorPayload(fault, { requestId, component: "control" });
    const told: ToldEvent & { readonly payload: unknown } = { type: "error", payload };
    return { reply: told };
  },
  serve: (service) =>
    announceConfigured(service, function* () {
      for (const session of service.sessions()) if (session.phase === "ready") yield session;
    }),
});

/** Control sessions and PAN agents, without sockets. */
export class CommandWorld {
  readonly world: ConformanceWorld;
  /** What was POSTed: where, and what. */
  readonly posted: { readonly url: string; readonly body: Heard; readonly by: string }[] = [];

  constructor(
    limits: Readonly<Record<string, number>> = {},
    more: ConstructorParameters<typeof ConformanceWorld>[1] = {},
  ) {
    this.world = new ConformanceWorld([commander, pan, listedDialect], {
      limits,
      webhooks: {
        refusal: (url) => (url.startsWith("https://api.example.com/") ? undefined : new Fault("malformed", "no host")),
        send: (url, body, { agent }) => this.posted.push({ url, body, by: agent }),
      },
      ...more,
    });
  }

  /** A session with a token of `observe`, `inspect` and `control`, or another one. */
  async commands(token = "viewing olga"): Promise<Conversation> {
    const client = this.world.connect("/api/control/ws");
    await client.says({ type: "handshake", token });
    await client.hears({ type: "handshake_ack" });
    return client;
  }

  /** An agent of a dialect in which contacts are listed, where the settings of `echo` say so. */
  async listed(name: string): Promise<Conversation> {
    const client = this.world.connect("/echo");
    await client.says({ type: "login", name, token: `own ${name}` });
    client.all();
    return client;
  }

  /** An agent of PAN. */
  async agent(name: string): Promise<Conversation> {
    const client = this.world.connect("/pan");
    await client.says({ type: "auth", agentId: name, name, token: `own ${name}` });
    client.all();
    return client;
  }
}

/** The document's command, with what a test wants otherwise. */
export function executes(id: string, payload: Readonly<Record<string, unknown>> = {}, metadata?: object): Heard {
  return {
    id,
    type: "control.execute",
    timestamp: "2024-01-10T12:00:00Z",
    payload: {
      targetAgent: "agent-001",
      command: "execute_tool",
      parameters: { tool: "web_search", query: "latest AI research papers", maxResults: 10 },
      timeout: 30_000,
      ...payload,
    },
    ...(metadata !== undefined && { metadata }),
  };
}
