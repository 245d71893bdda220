import { Fault, type Frame } from "#dialect";

/** Milliseconds between two pings of the server, and for which a client waits for one beyond them. */
export const pings = { intervalMs: 25_000, timeoutMs: 20_000 } as const;

/** The server asks whether the client is there. */
export const ping = "2";

/** The answer to a probe. */
export const probed = "3probe";

/** What a client says on Engine.IO: `data` is a packet of Socket.IO. */
export type EnginePacket =
  { readonly type: "message"; readonly data: string } | { readonly type: "pong" | "probe" | "upgrade" | "close" };

/** The first packet of the server: over WebSocket there is nothing to upgrade to. */
export function openPacket(sid: string, maxPayload: number): string {
  const { intervalMs, timeoutMs } = pings;
  return `0${JSON.stringify({ sid, upgrades: [], pingInterval: intervalMs, pingTimeout: timeoutMs, maxPayload })}`;
}

/** @throws Fault malformed, unsupported */
export function enginePacket(frame: Frame): EnginePacket {
  if (typeof frame !== "string")
    throw new Fault("unsupported", "binary packets are not taken: send the message as JSON text");
  switch (frame.charAt(0)) {
    case "4":
      return { type: "message", data: frame.slice(1) };
    case "3":
      return { type: "pong" };
    case "2":
      if (frame === "2probe") return { type: "probe" };
      throw new Fault(
        "unsupported",
        "in Engine.IO 4 the server pings, not the client: use socket.io-client 3 or later (EIO=4)",
      );
    case "5":
    case "6":
      return { type: "upgrade" };
    case "1":
      return { type: "close" };
    default:
      throw new Fault(
        "malformed",
        "this is no packet of Engine.IO 4; connect with socket.io-client, or at the path of the dialect",
      );
  }
}
