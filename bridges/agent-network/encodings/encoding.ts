import type { Codec, Frame, Hello, RawRender } from "#dialect";
import { connectedOf } from "../connected.js";
import type { Command, Event } from "../schema.js";
import { lettingGo } from "../last-match.js";
import { SessionCodec } from "../session-codec.js";
import type { AgentNetwork, Encoding, NetworkSession } from "../state.js";
import { openPacket, ping, pings } from "./engine-io.js";
import { jsonToMsgpack } from "./json-to-msgpack.js";
import { msgpackCodec } from "./msgpack.js";
import { msgpackToJson } from "./msgpack-to-json.js";
import { disconnected, emittedMessage } from "./socket-io.js";
import { SocketIoCodec } from "./socket-io-codec.js";

/** Where clients of Socket.IO connect. */
export const socketIoPath = "/socket.io";
/** The subprotocol of MessagePack. */
export const msgpackSubprotocol = "agent-network.v1.msgpack";

/** What a client that polls is told. */
export const httpNotes = {
  [socketIoPath]:
    "Socket.IO is spoken over WebSocket only, long polling is not provided: " +
    'connect by io(URL, { transports: ["websocket"], auth: { token, agentId } }).',
} as const;

/** How a connection's frames are spelt. */
export function encodingOf({ path, subprotocol }: Hello): Encoding {
  if (path === socketIoPath) return "socket-io";
  return subprotocol === msgpackSubprotocol ? "msgpack" : "json";
}

/** The codec of a session. */
export function codecOf(session: NetworkSession): Codec<Command, Event> {
  switch (session.state.encoding) {
    case "json":
      return new SessionCodec({
        // Before the login a frame waits for it, and whoever is here now may have gone then.
        passesUnread: (agent) => session.principal !== undefined && connectedOf(session.services).has(agent),
        now: () => session.now(),
        atEndOfTurn: setImmediate,
      });
    case "msgpack":
      return lettingGoOf(msgpackCodec(() => session.limits.networkBatchMax));
    case "socket-io":
      return lettingGoOf(new SocketIoCodec(session));
  }
}

/** The same codec, which leaves no frame behind. */
function lettingGoOf(codec: Codec<Command, Event>): Codec<Command, Event> {
  return {
    decode: (frame) => lettingGo(() => codec.decode(frame)),
    encode: (event) => lettingGo(() => codec.encode(event)),
  };
}

/** On Socket.IO the server speaks first, and pings. */
export function begin(session: NetworkSession): void {
  if (session.state.encoding !== "socket-io") return;
  session.sendFrame(openPacket(session.id, session.limits.wsFrameMaxBytes));
  const ask = (): void => {
    session.sendFrame(ping);
    session.after(pings.intervalMs, ask);
  };
  session.after(pings.intervalMs, ask);
}

/** A client of Socket.IO connects again whenever its line ends, unless it is told that this was meant. */
export function farewell(session: NetworkSession): void {
  const { encoding, staysAway } = session.state;
  if (encoding === "socket-io" && staysAway) session.sendFrame(disconnected);
}

/**
 * A frame between agents: as it came for who is encoded alike, else the same values in the other encoding
 * (Agent Network §8).
 */
export const rawRender: RawRender<AgentNetwork> = {
  encoding: ({ state }) => state.encoding,
  frame(frame: Frame, { state: { encoding } }) {
    if (encoding === "msgpack") return typeof frame === "string" ? lettingGo(() => jsonToMsgpack(frame)) : frame;
    const text = typeof frame === "string" ? frame : lettingGo(() => msgpackToJson(frame));
    return encoding === "json" ? text : emittedMessage(text);
  },
};
