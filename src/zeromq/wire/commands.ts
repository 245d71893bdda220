import { isUtf8 } from "node:buffer";
import { topicOf } from "../../core/index.js";
import { commandFlag, encodeFrame } from "./codec.js";
import { IllegalBytes } from "./codec.js";

/** A command's name and what follows it. */
export interface Command {
  readonly name: string;
  readonly data: Buffer;
}

/** The properties of a READY or INITIATE that we read; upper and lower case of their names are equal (RFC 23 §3.4). */
export interface Metadata {
  readonly socketType: string | undefined;
  /** The `X-Agent` property, undefined if absent. Bytes that are no UTF-8 become a text that is nobody's name. */
  readonly agent: string | undefined;
  /** The `X-Instance` property: which program of several under one name it is. */
  readonly instance: string | undefined;
}

/** Longest context of a PING that is sent back (RFC 37). */
const pingContextMaxBytes = 16;
const noContext = Buffer.alloc(0);
const noTtl = Buffer.alloc(2);
const reasonMaxBytes = 255;
/** A longer `X-Instance` is left out. */
const instanceMaxBytes = 64;

/** Splits a command's body. @throws IllegalBytes if the name is empty or longer than the body */
export function readCommand(body: Buffer): Command {
  const size = body[0];
  if (size === undefined || size === 0 || size + 1 > body.length) throw new IllegalBytes("zmtp-command-name");
  return { name: body.toString("latin1", 1, size + 1), data: body.subarray(size + 1) };
}

/** A whole command frame. */
export function encodeCommand(name: string, data: Buffer): Buffer {
  return encodeFrame(commandFlag, Buffer.concat([Buffer.from([name.length]), Buffer.from(name, "latin1"), data]));
}

/** READY with our Socket-Type. */
export function encodeReady(socketType: string): Buffer {
  return encodeCommand("READY", encodeProperty("Socket-Type", socketType));
}

/** ERROR with a reason for people, cut at 255 bytes. It is for good: libzmq from 4.1 on does not try again. */
export function encodeError(reason: string): Buffer {
  let text = Buffer.from(reason);
  for (let end = reasonMaxBytes; text.length > reasonMaxBytes; end -= 1) {
    const cut = text.subarray(0, end);
    if (isUtf8(cut)) text = cut;
  }
  return encodeCommand("ERROR", Buffer.concat([Buffer.from([text.length]), text]));
}

/** WELCOME of PLAIN (RFC 24). */
export function encodeWelcome(): Buffer {
  return encodeCommand("WELCOME", Buffer.alloc(0));
}

/** A ping of our own: TTL 0, and what the PONG is to send back. */
export function encodePing(context: Buffer = noContext): Buffer {
  return encodeCommand("PING", Buffer.concat([noTtl, context]));
}

/** The answer to a PING: its context, cut at 16 bytes. */
export function encodePong(context: Buffer): Buffer {
  return encodeCommand("PONG", context.subarray(0, pingContextMaxBytes));
}

/** TTL in milliseconds (sent in tenths of a second) and context of a PING. @throws IllegalBytes under 7 bytes in all */
export function readPing(data: Buffer): { readonly ttlMs: number; readonly context: Buffer } {
  if (data.length < 2) throw new IllegalBytes("zmtp-short-ping");
  return { ttlMs: data.readUInt16BE(0) * 100, context: data.subarray(2) };
}

/** User and password of HELLO (RFC 24). @throws IllegalBytes */
export function readHello(data: Buffer): { readonly user: string; readonly password: string } {
  const userEnd = 1 + (data[0] ?? data.length);
  const passwordEnd = userEnd + 1 + (data[userEnd] ?? data.length);
  if (passwordEnd !== data.length || !isUtf8(data.subarray(1, userEnd)) || !isUtf8(data.subarray(userEnd + 1))) {
    throw new IllegalBytes("zmtp-hello");
  }
  return { user: data.toString("utf8", 1, userEnd), password: data.toString("utf8", userEnd + 1) };
}

/** Reads the properties of READY or INITIATE. The first of two equal ones counts, as in libzmq. @throws IllegalBytes */
export function readMetadata(data: Buffer): Metadata {
  let socketType: string | undefined;
  let agent: string | undefined;
  let instance: string | undefined;
  for (let at = 0; at < data.length;) {
    const nameEnd = at + 1 + (data[at] ?? 0);
    if (nameEnd === at + 1 || nameEnd + 4 > data.length) throw new IllegalBytes("zmtp-metadata");
    const valueEnd = nameEnd + 4 + data.readUInt32BE(nameEnd);
    if (valueEnd > data.length) throw new IllegalBytes("zmtp-metadata");
    const name = data.toString("latin1", at + 1, nameEnd).toLowerCase();
    const value = data.subarray(nameEnd + 4, valueEnd);
    if (name === "socket-type") socketType ??= value.toString("latin1");
    if (name === "x-agent") agent ??= topicOf(value, 0, value.length);
    if (name === "x-instance" && value.length <= instanceMaxBytes) instance ??= value.toString("latin1");
    at = valueEnd;
  }
  return { socketType, agent, instance };
}

/** One property as bytes: name with a length of one byte, value with a length of four. */
export function encodeProperty(name: string, value: string): Buffer {
  const bytes = Buffer.from(value);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(bytes.length);
  return Buffer.concat([Buffer.from([name.length]), Buffer.from(name, "latin1"), size, bytes]);
}
