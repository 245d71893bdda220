// Many PAN sessions in one room, in a process of their own, so that all of them can vanish at once. They read nothing
// of what they hear.
import { connect } from "node:net";

const [pan, token, room, count] = process.argv.slice(2);
const { host, hostname, port, pathname } = new URL(pan);

/** A text frame as a client sends it: masked, by zeros (RFC 6455 §5.2). */
function frame(value) {
  const payload = Buffer.from(JSON.stringify(value));
  const head =
    payload.length < 126 ? [0x81, 0x80 | payload.length] : [0x81, 0xfe, payload.length >> 8, payload.length & 255];
  return Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), payload]);
}

function enter(name) {
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

process.on("message", async () => {
  const sockets = [];
  for (let at = 0; at < Number(count); at += 100)
    sockets.push(...(await Promise.all(Array.from({ length: 100 }, (_, n) => enter(`crowd-${at + n}`)))));
  process.send("in");
});
process.on("disconnect", () => process.exit());
process.send("ready");
