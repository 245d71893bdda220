// Many agents in one room, in a process of their own, so that all of them can vanish at once. They read nothing of what
// they hear. The door is that of PAN (`ws://…/pan`) or that of ZeroMQ's subscribers (`tcp://…`).
import { connect } from "node:net";

const [door, token, room, count] = process.argv.slice(2);
const { host, hostname, port, pathname, protocol } = new URL(door);
// A name is kept for a moment for who has vanished, in its dialect.
const [enter, names] = protocol === "tcp:" ? [enterZeroMq, "peer"] : [enterPan, "crowd"];

/** A text frame as a client sends it: masked, by zeros (RFC 6455 §5.2). */
function frame(value) {
  const payload = Buffer.from(JSON.stringify(value));
  const head =
    payload.length < 126 ? [0x81, 0x80 | payload.length] : [0x81, 0xfe, payload.length >> 8, payload.length & 255];
  return Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), payload]);
}

function enterPan(name) {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    let heard = "";
    const hear = (chunk) => {
      const before = heard;
      heard += chunk.toString("latin1");
      if (!before.includes("\r\n\r\n") && heard.includes("\r\n\r\n")) {
        socket.write(frame({ type: "auth", agentId: name, name, token }));
        socket.write(frame({ type: "join", room }));
      }
      if (!heard.includes('"joined"')) return;
      socket.off("data", hear);
      socket.resume();
      resolve(socket);
    };
    socket.on("data", hear);
    socket.once("error", reject);
    socket.write(
      `GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
    );
  });
}

/** A command of ZMTP 3.1 (ZMTP 3.1, "command"). */
function command(name, ...body) {
  const bytes = Buffer.concat([Buffer.from([name.length]), Buffer.from(name), ...body]);
  return Buffer.concat([Buffer.from([4, bytes.length]), bytes]);
}

function property(name, value) {
  return Buffer.concat([
    Buffer.from([name.length]),
    Buffer.from(name),
    Buffer.from([0, 0, 0, value.length]),
    Buffer.from(value),
  ]);
}

function subscribe(topic) {
  return Buffer.concat([Buffer.from([0, topic.length + 1, 1]), Buffer.from(topic)]);
}

function enterZeroMq(name) {
  const greeting = Buffer.alloc(64);
  greeting.set([0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 3, 1]);
  greeting.write("NULL", 12);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    let bytes = 0;
    const hear = (chunk) => {
      bytes += chunk.length;
      if (bytes <= greeting.length) return;
      socket.off("data", hear);
      socket.resume();
      resolve(socket);
    };
    socket.on("data", hear);
    socket.once("error", reject);
    const ready = command("READY", property("Socket-Type", "SUB"), property("X-Agent", name));
    socket.write(Buffer.concat([greeting, ready, subscribe(name), subscribe(room)]));
  });
}

process.on("message", async () => {
  const sockets = [];
  for (let at = 0; at < Number(count); at += 100)
    sockets.push(...(await Promise.all(Array.from({ length: 100 }, (_, n) => enter(`${names}-${at + n}`)))));
  process.send("in");
});
process.on("disconnect", () => process.exit());
process.send("ready");
