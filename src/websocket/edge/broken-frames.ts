import { WebSocket } from "ws";
import type { Limits } from "../../core/index.js";

type FrameLimits = Pick<Limits, "wsFrameMaxBytes" | "wsFragmentsMax">;

/** What the peer is told by the close frame with which `ws` ends a connection whose frames it cannot read. */
const words: Readonly<Record<number, (limits: FrameLimits) => string>> = {
  1002: () => "these bytes are no WebSocket frames (RFC 6455)",
  1007: () => "text must be UTF-8",
  1008: ({ wsFragmentsMax }) => `a message has at most ${wsFragmentsMax} fragments (wsFragmentsMax); send it whole`,
  1009: ({ wsFrameMaxBytes }) => `a message has at most ${wsFrameMaxBytes} bytes (wsFrameMaxBytes); send it in parts`,
};

const reasons: Readonly<Record<string, string>> = {
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: "ws-frame-too-large",
  WS_ERR_TOO_MANY_BUFFERED_PARTS: "ws-fragments-full",
};

/**
 * A WebSocket of `ws`, which closes with a bare code, that says why: a client that hears 1008 alone looks for a policy.
 * One class for all of a listener: a function for each of 10,000 would take 200 bytes of memory each.
 */
export function explainingWebSocket(limits: FrameLimits): typeof WebSocket {
  return class extends WebSocket {
    override close(code?: number, reason?: string | Buffer): void {
      super.close(code, reason ?? (code === undefined ? undefined : words[code]?.(limits)));
    }
  };
}

/** Why frames could not be read, as the ledger counts it. */
export function brokenFrameReason(error: Error): string {
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return reasons[code] ?? "ws-protocol-error";
}
