import { Buffer } from "node:buffer"; // the global `Buffer` is a getter, which would run each time
import type { Frame, PreparedFrame } from "../../dialect/connection.js";

/** FIN and opcode of a whole message (RFC 6455 §5.2). */
const text = 0x81;
const binary = 0x82;

const nothing = Buffer.alloc(0);

/** A character of UTF-8 has four bytes at most. */
const spare = 4;

/**
 * A whole WebSocket message as the server sends it: unmasked, in one piece (RFC 6455 §5.2). Header and payload share
 * one buffer; `Sender.frame` of `ws` makes two and a copy more.
 */
export function prepareFrame(frame: Frame): PreparedFrame {
  if (typeof frame !== "string") {
    const start = headerBytes(frame.length);
    const bytes = Buffer.allocUnsafe(start + frame.length);
    writeHeader(bytes, binary, frame.length);
    frame.copy(bytes, start);
    return { bytes };
  }
  // Nearly every text has one byte per character: it is written at once, without being measured first. A text with
  // longer characters runs into the spare bytes, so that more than `length` are written: then it is measured and
  // written again.
  const { length } = frame;
  const start = headerBytes(length);
  const bytes = Buffer.allocUnsafe(start + length + spare);
  if (bytes.write(frame, start, "utf8") !== length) return prepareText(frame);
  writeHeader(bytes, text, length);
  return { bytes: bytes.subarray(0, start + length) };
}

/** A frame with its header, which it may have already. */
export function preparedOf(frame: Frame | PreparedFrame): PreparedFrame {
  return typeof frame === "string" || Buffer.isBuffer(frame) ? prepareFrame(frame) : frame;
}

function prepareText(frame: string): PreparedFrame {
  const size = Buffer.byteLength(frame);
  const start = headerBytes(size);
  const bytes = Buffer.allocUnsafe(start + size);
  writeHeader(bytes, text, size);
  bytes.write(frame, start, "utf8");
  return { bytes };
}

function headerBytes(size: number): number {
  return size < 126 ? 2 : size < 65_536 ? 4 : 10;
}

function writeHeader(bytes: Buffer, opcode: number, size: number): void {
  bytes[0] = opcode;
  if (size < 126) bytes[1] = size;
  else if (size < 65_536) {
    bytes[1] = 126;
    bytes.writeUInt16BE(size, 2);
  } else {
    bytes[1] = 127;
    bytes.writeUInt32BE(Math.floor(size / 2 ** 32), 2);
    bytes.writeUInt32BE(size % 2 ** 32, 6);
  }
}

/** A pong with a ping's payload, at most 125 bytes (RFC 6455 §5.5.3). */
export function pongFrame(payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0x8a, payload.length]), payload]);
}

/** A ping with a payload of at most 125 bytes, which its pong has to repeat (RFC 6455 §5.5.2). */
export function pingFrame(payload: Buffer = nothing): Buffer {
  return Buffer.concat([Buffer.from([0x89, payload.length]), payload]);
}

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
