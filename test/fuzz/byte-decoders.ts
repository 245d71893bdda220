import { encodeFrame, FrameReader, moreFlag } from "../../src/zeromq/wire/codec.js";
import { encodeCommand, readCommand, readHello, readMetadata, readPing } from "../../src/zeromq/wire/commands.js";
import { FromScan } from "../../src/zeromq/wire/from-scan.js";
import { greetingBytes, greetingMajor, readGreeting } from "../../src/zeromq/wire/greeting.js";
import { IllegalBytes } from "../../src/zeromq/wire/codec.js";
import { greeting, hello, message, ready, subscribe } from "../zeromq/wire/raw-peer.js";
import { framesOf } from "./corpus.js";
import { chunksOf, damagedBytes, damagedText } from "./damage.js";
import { must, type Decoder } from "./decoder.js";
import type { Dice } from "./dice.js";

const frameMaxBytes = 4_096;
const streams = [
  message("bob", '{"from":"ada","type":"inform"}'),
  Buffer.concat([message("bob", "x".repeat(300)), subscribe("bob"), encodeCommand("PING", Buffer.alloc(2))]),
  Buffer.concat([ready("SUB", { "X-Agent": "ada" }), subscribe(""), encodeFrame(0, Buffer.alloc(0))]),
  Buffer.concat([
    encodeFrame(moreFlag, Buffer.from("a")),
    encodeFrame(moreFlag, Buffer.from("b")),
    encodeFrame(0, Buffer.from("c")),
  ]),
];
const greetings = [
  greeting("NULL"),
  greeting("PLAIN", { asServer: true }),
  greeting("CURVE", { major: 2 }),
  greeting("N".repeat(20)),
  Buffer.from("GET / HTTP/1.1\r\n\r\n"),
];
const bodies = [
  ready("SUB", { "X-Agent": "zoë" }),
  ready("PUB", { Identity: "" }, "INITIATE"),
  hello("ada", "secret"),
  encodeCommand("PING", Buffer.from([0, 50, 1, 2])),
  encodeCommand("X", Buffer.alloc(0)),
].map((frame) => frame.subarray(2));
const payloads = [
  ...framesOf("test/vectors/envelope.json", "test/zeromq/wire/vectors/from.json"),
  '{"message_id":"1","from":"alice","to":"bob","content":{"message":"from \\"me\\"","from":"$x"}}',
  '{ "from" : "ada", "type": "request" }',
];

/** Frames as text, or the word for what is wrong. */
function framesIn(chunks: readonly Buffer[]): readonly string[] {
  const reader = new FrameReader(frameMaxBytes);
  const frames: string[] = [];
  try {
    for (const chunk of chunks) {
      reader.feed(chunk);
      for (let frame = reader.next(); frame !== undefined; frame = reader.next())
        frames.push(`${String(frame.flags)} ${frame.body.toString("latin1")}`);
    }
  } catch (thrown) {
    if (!(thrown instanceof IllegalBytes)) throw thrown;
    frames.push(thrown.reason);
  }
  return frames;
}

function frameOf(dice: Dice): boolean {
  const bytes = damagedBytes(dice, streams);
  const whole = framesIn([bytes]);
  must(
    whole.join("\n") === framesIn(chunksOf(dice, bytes)).join("\n"),
    "frames do not depend on how the bytes came",
    bytes.toString("hex"),
  );
  return whole.length > 0 && !(whole.at(-1) ?? "").startsWith("zmtp-");
}

function greetingOf(dice: Dice): boolean {
  const bytes = damagedBytes(dice, greetings);
  return legal(() => {
    if (greetingMajor(bytes) === undefined || bytes.length < greetingBytes) return;
    const { mechanism, minor } = readGreeting(bytes);
    must(
      mechanism.length <= 20 && !mechanism.includes("\0") && minor >= 0 && minor < 256,
      "a greeting has a mechanism",
      bytes.toString("hex"),
    );
  });
}

function commandOf(dice: Dice): boolean {
  const bytes = damagedBytes(dice, bodies);
  return legal(() => {
    const { name, data } = readCommand(bytes);
    must(name.length + data.length + 1 === bytes.length, "a command is its name and the rest", bytes.toString("hex"));
    if (name === "PING") readPing(data);
    else if (name === "HELLO") readHello(data);
    else readMetadata(data);
  });
}

/** @returns true if nothing was illegal */
function legal(run: () => void): boolean {
  try {
    run();
    return true;
  } catch (thrown) {
    if (thrown instanceof IllegalBytes) return false;
    throw thrown;
  }
}

/** The scan may say less than the parser, never something else. */
function fromOf(dice: Dice): boolean {
  const payload = Buffer.from(damagedText(dice, payloads));
  const chunk = Buffer.concat([Buffer.from('{"from":"before"'), payload, Buffer.from('"from":"after"}')]);
  const scan = new FromScan();
  const verdict = scan.scan(chunk, 16, 16 + payload.length, payload.includes(0x5c));
  if (verdict === "unsure") return false;
  const from = parsedFrom(payload);
  if (from === "unreadable") return true;
  if (verdict === "none")
    must(from.value === undefined, "where the scan finds no name the parser finds none", payload.toString());
  else if (from.value !== undefined)
    must(
      chunk.toString("utf8", scan.start, scan.end) === from.value,
      "scan and parser read one name",
      payload.toString(),
    );
  return true;
}

function parsedFrom(payload: Buffer): { readonly value: unknown } | "unreadable" {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf8", { fatal: true, ignoreBOM: true }).decode(payload));
    return {
      value:
        typeof value === "object" && value !== null && !Array.isArray(value)
          ? (value as Readonly<Record<string, unknown>>)["from"]
          : undefined,
    };
  } catch {
    return "unreadable";
  }
}

/** Every decoder of bytes. */
export const byteDecoders: readonly Decoder[] = [
  { name: "ZMTP FrameReader, whole against chunks", once: frameOf },
  { name: "ZMTP greeting", once: greetingOf },
  { name: "ZMTP commands (READY, HELLO, PING)", once: commandOf },
  { name: "ZMTP from-scan against JSON.parse", once: fromOf },
];
