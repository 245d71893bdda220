import type { Frame, PreparedFrame } from "../dialect/connection.js";

/** FIN and opcode of a whole message (RFC 6455 §5.2). */
const text = 0x81;
const binary = 0x82;

/**
 * A whole WebSocket message as the server sends it: unmasked, in one piece (RFC 6455 §5.2).
 * Header and payload share one buffer; `Sender.frame` of `ws` makes two and a copy more.
 */
export function prepareFrame(frame: Frame): PreparedFrame {
  const isText = typeof frame === "string";
  const size = isText ? Buffer.byteLength(frame) : frame.length;
  const start = size < 126 ? 2 : size < 65_536 ? 4 : 10;
  const bytes = Buffer.allocUnsafe(start + size);
  bytes[0] = isText ? text : binary;
  if (start === 2) bytes[1] = size;
  else if (start === 4) {
    bytes[1] = 126;
    bytes.writeUInt16BE(size, 2);
  } else {
    bytes[1] = 127;
    bytes.writeUInt32BE(Math.floor(size / 2 ** 32), 2);
    bytes.writeUInt32BE(size % 2 ** 32, 6);
  }
  if (isText) bytes.write(frame, start, "utf8");
  else frame.copy(bytes, start);
  return { bytes };
}

/** A pong with a ping's payload, at most 125 bytes (RFC 6455 §5.5.3). */
export function pongFrame(payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0x8a, payload.length]), payload]);
}

/** A ping without payload (RFC 6455 §5.5.2). */
export const pingFrame: Readonly<Buffer> = Buffer.from([0x89, 0]);

/** A close reason cut to what fits in a close frame: 123 bytes of whole characters (RFC 6455 §5.5). */
export function closeReason(reason: string): string {
  if (Buffer.byteLength(reason) <= 123) return reason;
  let cut = "";
  let size = 0;
  for (const character of reason) {
    size += Buffer.byteLength(character);
    if (size > 120) break;
    cut += character;
  }
  return `${cut}…`;
}
