import { z } from "zod";
import {
  Fault,
  fieldsOfType,
  hasType,
  readJson,
  shapeProblemText,
  type Dialect,
  type DialectService,
  type DialectTypes,
  type Frame,
  type Phrasebook,
  type Session,
} from "../../src/dialect/index.js";

/**
 * A part of the visualisation protocol (Visualisation §1–5), enough to show that it fits: viewers, binary frames,
 * streams, those that cannot keep up, commands.
 */
const spoken = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("handshake"),
    capabilities: z.array(z.string()),
    clientId: z.string(),
    token: z.string().optional(),
  }),
  z.object({ type: z.literal("channel.create"), channelId: z.string(), bufferSize: z.int().min(1).max(10_000) }),
  z.object({ type: z.literal("control.execute"), id: z.string(), targetAgent: z.string(), command: z.string() }),
]);
type Command = z.output<typeof spoken> | { readonly type: "heartbeat"; readonly at: bigint };

interface Position {
  readonly id: number;
  readonly x: number;
  readonly y: number;
  readonly z: number;
}

type Event =
  | { readonly type: "positions"; readonly positions: readonly Position[] }
  | { readonly type: "heartbeat"; readonly at: bigint }
  | {
      readonly type: "handshake_ack" | "message.sent" | "channel.created" | "control.result" | "error";
      readonly payload: Readonly<Record<string, unknown>>;
    };

interface State {
  binary: boolean;
  /** Frames of a channel that wait until the socket has room; the newest replace the oldest. */
  waiting: Event[];
  bufferSize: number;
}

interface ViewerTypes extends DialectTypes {
  command: Command;
  event: Event;
  state: State;
  phase: "greeting" | "streaming";
  limits: object;
  settings: object;
}
type Viewer = Session<ViewerTypes>;
const magic = 0x41474e54;

/** Header of 8 bytes, then count and 28 bytes for each agent (Visualisation §3.3). */
function binaryPositions(positions: readonly Position[]): Buffer {
  const frame = Buffer.alloc(12 + 28 * positions.length);
  frame.writeUInt32BE(magic, 0);
  frame[4] = 0x01;
  frame.writeUInt16BE(frame.length - 8, 6);
  frame.writeUInt32BE(positions.length, 8);
  positions.forEach(({ id, x, y, z }, index) => {
    const at = 12 + 28 * index;
    frame.writeUInt32BE(id, at);
    [x, y, z].forEach((value, axis) => frame.writeFloatBE(value, at + 4 + 4 * axis));
  });
  return frame;
}

function decode(frame: Frame): readonly Command[] {
  if (typeof frame === "string") return [said(frame)];
  if (frame.length < 16 || frame.readUInt32BE(0) !== magic || frame[4] !== 0x06)
    throw new Fault("malformed", "not a frame of ours");
  return [{ type: "heartbeat", at: frame.readBigUInt64BE(8) }];
}

function said(text: string): Command {
  const json = readJson(text);
  if ("problem" in json) throw new Fault("malformed", json.problem);
  const read = spoken.safeParse(json.value);
  if (!read.success) throw new Fault("malformed", shapeProblemText(read.error, json.value));
  return read.data;
}

function encode(event: Event, { binary }: State): Frame {
  if (binary && event.type === "positions") return binaryPositions(event.positions);
  return JSON.stringify(event, (_key, value: unknown) => (typeof value === "bigint" ? value.toString() : value));
}

/** Streams flow unasked, at their own pace, to whoever keeps up. */
function serve(service: DialectService<ViewerTypes>): () => void {
  const talkers = new Map<string, number>();
  const unsubscribe = service.subscribe("$events", ({ content }) => {
    if (content.kind === "agent.online") talkers.set(content.message, talkers.size + 1);
  });
  let cancel: () => void;
  const tick = (): void => {
    const positions = [...talkers.values()].map((id) => ({ id, x: id, y: 0, z: 0 }));
    const ready: Viewer[] = [];
    for (const viewer of service.sessions()) {
      if (viewer.phase !== "streaming") continue;
      if (service.isBehind(viewer))
        viewer.state.waiting = [...viewer.state.waiting, { type: "positions" as const, positions }].slice(
          -viewer.state.bufferSize,
        );
      else ready.push(viewer);
    }
    service.broadcast({ type: "positions", positions }, ready);
    cancel = service.after(100, tick);
  };
  cancel = service.after(100, tick);
  return () => {
    unsubscribe();
    cancel();
  };
}

export const visualisationSketch: Dialect<ViewerTypes> = {
  name: "visualisation-sketch",
  paths: ["/api/visualisation/agents/ws", "/agents/ws"],
  subprotocols: ["visualisation.v2"],
  title: "a sketch",
  recognise: (frame) => hasType(frame, ["handshake"]),
  initialPhase: "greeting",
  open: () => ({ binary: false, waiting: [], bufferSize: 10 }),
  codec: ({ state }) => ({ decode, encode: (event) => encode(event, state) }),
  commands: {
    handshake: {
      phase: "greeting",
      async run(session, { capabilities, token }) {
        if (token === undefined) throw new Fault("unauthenticated", "say a token", { fatal: true });
        const credential = await session.services.identity.bearer(token, "visualisation");
        const viewer = await credential.viewer();
        if (!viewer.scopes.has("observe")) throw new Fault("forbidden", "it needs the scope observe", { fatal: true });
        await session.view(viewer, `control-${session.id}`);
        session.state.binary = capabilities.includes("binary");
        session.send({
          type: "handshake_ack",
          payload: { sessionId: session.id, protocols: session.state.binary ? ["binary", "json"] : ["json"] },
        });
        session.phase = "streaming";
      },
    },
    heartbeat: {
      phase: "streaming",
      run(session, { at }) {
        session.send({ type: "heartbeat", at });
      },
    },
    "channel.create": {
      phase: "streaming",
      run(session, { channelId, bufferSize }) {
        session.state.bufferSize = bufferSize;
        session.send({ type: "channel.created", payload: { channelId } });
      },
    },
    "control.execute": {
      phase: "streaming",
      cost: 1,
      run(session, { id, targetAgent, command }) {
        if (session.principal?.scopes.has("control") !== true)
          throw new Fault("forbidden", "it needs the scope control");
        session.request(
          { to: targetAgent, messageId: id, content: { message: command, kind: "control.execute" } },
          { timeoutMs: 30_000 },
        );
      },
    },
  },
  render: {
    variant: ({ state }) => (state.binary ? "binary" : "json"),
    event: ({ type, from, to, content, in_reply_to }) =>
      content.kind === "fault" && from === "$broker"
        ? { type: "error", payload: { code: "timeout", message: content.message, correlationId: in_reply_to } }
        : type === "response"
          ? {
              type: "control.result",
              payload: { targetAgent: from, status: "done", result: content.message, correlationId: in_reply_to },
            }
          : {
              type: "message.sent",
              payload: {
                from: { id: from },
                to: [{ id: to }],
                content: content.kind === "sealed" ? { sealed: true } : content,
              },
            },
  },
  drained(session) {
    for (const event of session.state.waiting.splice(0)) session.send(event);
  },
  rate: {
    refusal: "ten commands a second",
    buckets: () => [{ owner: "connection", rate: { perSecond: 10, burst: 50 } }],
  },
  refuse: ({ code, message, retryAfterMs, fatal }, _command, session) => ({
    reply: { type: "error", payload: { code, message, recoverable: code !== "internal", retryAfterMs } },
    ...((fatal || session.principal === undefined) && { close: { code: 4401, reason: code } }),
  }),
  serve,
};

/** How its clients speak. */
export const visualisationBook: Phrasebook = {
  login: (clientId, token) => [JSON.stringify({ type: "handshake", capabilities: [], clientId, token })],
  welcomed: (frame, name) => (fieldsOfType(frame, "handshake_ack") === undefined ? undefined : name),
  say: (targetAgent, command) =>
    JSON.stringify({ type: "control.execute", id: `${targetAgent} ${command}`, targetAgent, command }),
  textOf: (frame) => payloadText(frame, "control.result", "result"),
  refusalOf(frame) {
    const code = payloadText(frame, "error", "code");
    return code === undefined ? undefined : { code, message: payloadText(frame, "error", "message") ?? "" };
  },
  perSecond: 10,
};

function payloadText(frame: Frame, type: string, field: string): string | undefined {
  const payload = fieldsOfType(frame, type)?.["payload"] as Readonly<Record<string, unknown>> | undefined; // our own
  const text = payload?.[field];
  return typeof text === "string" ? text : undefined;
}
