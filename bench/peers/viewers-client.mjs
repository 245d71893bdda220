// Viewers at a broker, in a process of their own: prints a line when all have been told of all, and what they were told
// in the seconds after it as another, both as JSON.
//   node viewers-client.mjs URL TOKEN VIEWERS SECONDS OPTIONS
// OPTIONS, as JSON: path, capabilities, streams, positionRate, compression {algorithms, preferredLevel}, channels (how
// many are made), stuck (how many read nothing from then on), keep (the first viewer's frames are written to this file).
import { writeFileSync } from "node:fs";
import { WebSocket } from "ws";

const [url, token, count, seconds, text] = process.argv.slice(2);
const options = JSON.parse(text);
const { path = "/agents/ws", capabilities = [], streams, positionRate = 30, compression, channels = 0 } = options;
/** So long nothing may come before a viewer has been told of all. */
const quietMs = 1_500;

const told = { frames: 0, bytes: 0 };
const kept = [];
let isCounting = false;

function look(at) {
  const socket = new WebSocket(`${url.replace(/\/$/, "")}${path}`, { headers: { authorization: `Bearer ${token}` } });
  const say = (message) => socket.send(JSON.stringify(message));
  socket.once("open", () => {
    say({
      type: "handshake",
      version: "2.0.0",
      capabilities: [...capabilities, ...(channels > 0 ? ["multiplexing"] : [])],
      clientId: String(at),
      timestamp: new Date().toISOString(),
      ...(streams !== undefined && { streams }),
      positionRate,
    });
    if (compression !== undefined) say({ type: "compression.negotiate", ...compression });
    for (let each = 0; each < channels; each += 1)
      say({ type: "channel.create", channelId: `channel ${each}`, dedicated: true });
  });
  socket.on("message", (frame, isBinary) => {
    const type = isBinary ? undefined : /"type":"([^"]*)"/.exec(frame.toString("latin1", 0, 400))?.[1];
    if (type === "error") throw new Error(String(frame));
    if (!isCounting) return;
    told.frames += 1;
    told.bytes += frame.length;
    if (at === 0 && options.keep !== undefined) kept.push(frame);
  });
  socket.on("close", (code, reason) => {
    if (at >= (options.stuck ?? 0)) throw new Error(`the connection ended: ${code} ${reason}`);
  });
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.once("message", () => resolve(socket));
  });
}

const sockets = [];
for (let at = 0; at < Number(count); at += 1) sockets.push(await look(at));
await new Promise((resolve) => setTimeout(resolve, quietMs));
for (const socket of sockets.slice(0, options.stuck ?? 0)) socket.pause();
isCounting = true;
process.stdout.write(`${JSON.stringify({ ready: true })}\n`);
await new Promise((resolve) => setTimeout(resolve, Number(seconds) * 1_000));
if (options.keep !== undefined) writeFileSync(options.keep, kept.map((frame) => frame.toString("base64")).join("\n"));
process.stdout.write(`${JSON.stringify(told)}\n`);
process.exit(0);
