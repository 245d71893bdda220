import type { WebSocket } from "ws";
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

/** Lets `ws`, which closes with a bare code, say why: a client that hears 1008 alone looks for a policy. */
export function sayWhyClosed(ws: WebSocket, limits: FrameLimits): void {
  const close = ws.close.bind(ws);
  ws.close = (code, reason) => {
    close(code, reason ?? (code === undefined ? undefined : words[code]?.(limits)));
  };
}

/** Why frames could not be read, as the ledger counts it. */
export function brokenFrameReason(error: Error): string {
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return reasons[code] ?? "ws-protocol-error";
}
