import { createConnection } from "node:net";
import { Fault } from "../../../src/core/index.js";
import type { ConnectOptions } from "./options.js";

/** Who connects, in the same way as the agent's PUB socket. */
export type Caller = Pick<ConnectOptions, "name" | "token">;

/** `silent`: no broker is there, or it said nothing in time. */
type HandshakeAnswer = { readonly kind: "welcome" | "silent" } | { readonly kind: "refused"; readonly why: string };

const greetingBytes = 64;
const commandFlag = 0x04;
const longFlag = 0x02;
/** How long the broker may take to answer, which it does at once, milliseconds. */
const answerMs = 2_000;
/** Time before each try, milliseconds: an agent that is admitted has its answer earlier. */
const pauseMs = 300;

/**
 * Why the broker's endpoint for PUB sockets refuses an agent. libzmq hears the reason (ERROR, RFC 23 §3.5), gives up
 * and does not tell it, so this makes the handshake once more by hand. It tries only while the agent waits.
 * @returns undefined once the endpoint admits the agent, or the agent no longer waits
 */
export async function handshakeRefusal(
  endpoint: string,
  caller: Caller,
  isWanted: () => boolean,
): Promise<Fault | undefined> {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, pauseMs).unref());
    if (!isWanted()) return undefined;
    const word = await ask(endpoint, caller);
    if (word.kind === "welcome") return undefined;
    if (word.kind === "refused") return new Fault("unauthenticated", `the broker refuses ${caller.name}: ${word.why}`);
  }
}

/** Makes the handshake (RFC 23 §3) up to the broker's first command. */
function ask(endpoint: string, caller: Caller): Promise<HandshakeAnswer> {
  return new Promise((resolve) => {
    const socket = createConnection(addressOf(endpoint));
    let heard: Buffer = Buffer.alloc(0);
    let isIntroduced = false;
    const settle = (word: HandshakeAnswer): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(word);
    };
    const timer = setTimeout(settle, answerMs, { kind: "silent" } satisfies HandshakeAnswer).unref();
    for (const end of ["error", "close"]) {
      socket.once(end, () => {
        settle({ kind: "silent" });
      });
    }
    socket.once("connect", () => {
      socket.write(greeting(caller));
    });
    socket.on("data", (chunk) => {
      heard = Buffer.concat([heard, chunk]);
      if (!isIntroduced && heard.length >= greetingBytes) {
        isIntroduced = true;
        socket.write(introduction(caller));
      }
      const word = answerIn(heard.subarray(greetingBytes));
      if (word !== undefined) settle(word);
    });
  });
}

function addressOf(endpoint: string): { readonly path: string } | { readonly host: string; readonly port: number } {
  if (endpoint.startsWith("ipc://")) return { path: endpoint.slice("ipc://".length) };
  const [, host = "", port = ""] = /^tcp:\/\/(.+):(\d+)$/.exec(endpoint) ?? [];
  return { host: host.replace(/^\[|\]$/g, "").replace(/^\*$/, "127.0.0.1"), port: Number(port) };
}

function greeting({ token }: Caller): Buffer {
  const bytes = Buffer.alloc(greetingBytes);
  bytes[0] = 0xff;
  bytes[9] = 0x7f;
  bytes[10] = 3;
  bytes.write(token === undefined ? "NULL" : "PLAIN", 12, "latin1");
  return bytes;
}

/** READY of a PUB that declares its name; with a token, HELLO (RFC 24). */
function introduction({ name, token }: Caller): Buffer {
  return token === undefined
    ? command("READY", property("Socket-Type", "PUB"), property("X-Agent", name))
    : command("HELLO", shortText(name), shortText(token));
}

function command(name: string, ...data: readonly Buffer[]): Buffer {
  const body = Buffer.concat([shortText(name), ...data]);
  const size = Buffer.alloc(8);
  size.writeUInt32BE(body.length, 4);
  return Buffer.concat([Buffer.from([commandFlag | longFlag]), size, body]);
}

function property(name: string, value: string): Buffer {
  const bytes = Buffer.from(value);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(bytes.length);
  return Buffer.concat([shortText(name), size, bytes]);
}

function shortText(text: string): Buffer {
  const bytes = Buffer.from(text).subarray(0, 255);
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}

/** What the first command says; undefined until it has arrived whole. */
function answerIn(bytes: Buffer): HandshakeAnswer | undefined {
  const isLong = ((bytes[0] ?? 0) & longFlag) !== 0;
  const at = isLong ? 9 : 2;
  if (bytes.length < at) return undefined;
  const end = at + (isLong ? bytes.readUInt32BE(5) : (bytes[1] ?? 0));
  if (bytes.length < end) return undefined;
  const body = bytes.subarray(at, end);
  const nameEnd = 1 + (body[0] ?? 0);
  if (body.toString("latin1", 1, nameEnd) !== "ERROR") return { kind: "welcome" };
  return { kind: "refused", why: body.toString("utf8", nameEnd + 1) };
}
