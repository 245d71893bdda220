// An agent of Agent Network that says sealed messages to another, or hears them: prints what it cost, as JSON.
//   node sealed-client.mjs URL TOKEN NAME MESSAGES STORE [PEER]
// STORE: a folder, or - for memory. It says MESSAGES to PEER, or hears as many.
import { SecureAgentSocket } from "../../dist/clients/typescript/agent-network/index.js";

const [url, token, name, count, store, peer] = process.argv.slice(2);
const messages = Number(count);
/** So many are on their way: the client keeps 1,000 for a recipient. */
const window = 500;
/** The handshake, and what is compiled and loaded by the first messages. */
const before = 200;

const options = store === "-" ? {} : { store, passphrase: "correct horse battery staple" };
const socket = new SecureAgentSocket(`${url.replace(/\/$/, "")}/agent-network/v1/connect`, token, name, {
  ...options,
  transcript: false,
});
socket.onSecurityEvent = ({ message }) => process.stderr.write(`${name}: ${message}\n`);
socket.onError = ({ message }) => process.stderr.write(`${name}: ${message}\n`);

let done = () => undefined;
const all = new Promise((resolve) => (done = resolve));
let ended = 0;
let begun;
const mark = () => ({ cpu: process.cpuUsage(), at: performance.now() });
/** One more is through: what `before` of them cost is not counted. */
function through() {
  ended += 1;
  if (ended === before) begun = mark();
  if (ended === before + messages) done();
}

await socket.connect();
if (peer === undefined) {
  socket.handle("INFORM", () => through());
  process.stdout.write(`${JSON.stringify({ ready: true })}\n`);
  await all;
} else {
  const waiting = [];
  socket.onDelivery = ({ state }) => {
    if (state !== "delivered" && state !== "failed") return;
    waiting.shift()?.();
    through();
  };
  const text = "x".repeat(200);
  for (let said = 0; said < before + messages; said += 1) {
    if (said - ended >= window) await new Promise((resolve) => waiting.push(resolve));
    await socket.inform(peer, text);
  }
  await all;
}
const { user, system } = process.cpuUsage(begun.cpu);
const seconds = (performance.now() - begun.at) / 1_000;
const cpuMicros = (user + system) / messages;
process.stdout.write(`${JSON.stringify({ perSecond: messages / seconds, cpuMicros, perCore: 1e6 / cpuMicros })}\n`);
await new Promise((resolve) => setTimeout(resolve, 500)); // the last receipts
await socket.close();
process.exit(0);
