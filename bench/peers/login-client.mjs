// Logs agents in, each on a connection of its own that it ends at once: PREFIX and FIRST, FIRST + 1 and so on.
//   node login-client.mjs URL FILE_OF_TOKENS LOGINS_EACH_SECOND PREFIX FIRST
import { readFileSync } from "node:fs";
import { WebSocket } from "ws";

const [url, file, perSecond, prefix, first] = process.argv.slice(2);
const tokens = readFileSync(file, "utf8").split("\n");

function logIn(token, agentId) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${url.replace(/\/$/, "")}/agent-network/v1/connect`);
    socket.once("open", () => socket.send(JSON.stringify({ type: "AUTH", token, agentId })));
    socket.once("message", (frame) => {
      const { messageType, content } = JSON.parse(String(frame));
      socket.close();
      if (messageType === "CONNECTED") resolve();
      else reject(new Error(content.message));
    });
    socket.once("error", reject);
  });
}

const begun = performance.now();
const open = [];
for (const [at, token] of tokens.entries()) {
  const wait = begun + (at * 1_000) / Number(perSecond) - performance.now();
  if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
  open.push(logIn(token, `${prefix}${Number(first) + at}`));
}
await Promise.all(open);
process.exit(0);
