// An uninvolved client in a process of its own: measures how long the broker takes to answer its pings (RFC 6455
// §5.5.2), one after the other. Told "begin" it forgets what it has measured, told "end" it sends the longest.
import { WebSocket } from "ws";

const [pan, token] = process.argv.slice(2);
const socket = new WebSocket(pan);
await new Promise((resolve, reject) => {
  socket.once("error", reject);
  socket.once("open", () => socket.send(JSON.stringify({ type: "auth", agentId: "probe", name: "probe", token })));
  socket.once("message", resolve);
});
let longestMs = 0;
let count = 0;
let ended = false;
let askedAt = performance.now();
function ask() {
  askedAt = performance.now();
  socket.ping();
}
socket.on("pong", () => {
  longestMs = Math.max(longestMs, performance.now() - askedAt);
  count += 1;
  if (ended) process.send({ longestMs, count });
  ended = false;
  setTimeout(ask, 1);
});
process.on("message", (word) => {
  if (word === "begin") {
    longestMs = 0;
    count = 0;
  } else ended = true;
});
process.on("disconnect", () => process.exit());
process.send("ready");
ask();
