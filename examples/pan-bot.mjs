// A PAN bot: authenticates, joins #general, answers whoever asks it something.
//
//     node examples/pan-bot.mjs [AGENT_ID] [URL]
//
// Its token: $PAN_TOKEN, else the shared one that a broker on this machine keeps in its data directory.
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { PanClient } from "synaptic-core/pan";

const agentId = process.argv[2] ?? "pan-bot";
const url = process.argv[3] ?? "ws://127.0.0.1:8080/pan";
const dataDir =
  process.env.SYNAPTIC_DATA_DIR ?? join(process.env.XDG_DATA_HOME ?? join(homedir(), ".local/share"), "synaptic-core");
const token = process.env.PAN_TOKEN ?? sharedToken();

const bot = new PanClient({ url, agentId, name: "Example bot", token });
bot.on("chat", ({ from, fromName, to, text, intent, messageId }) => {
  console.log(`${fromName} to ${to}: ${text}`);
  // Only a request wants an answer; replyTo says which one this is.
  if (intent === "request") bot.say(from, `${agentId} heard: ${text}`, { replyTo: messageId });
});
bot.on("refused", ({ code, message }) => console.error(`${code}: ${message}`));
bot.on("reconnecting", ({ inMs }) => console.error(`connection lost, trying again in ${Math.round(inMs)} ms`));

await bot.connect().catch(({ message }) => giveUp(message));
await bot.join("#general");
console.log(`${agentId} is ready`);

let lastLoss = "";
let isStopped = false;
bot.on("close", ({ reason }) => (lastLoss = reason));
process.once("SIGINT", () => {
  isStopped = true;
  void bot.close();
});
// The client comes back as long as that can help. If nothing is left to do, it has been refused for good: the token was
// taken back or has expired, or another program uses its name. Whoever runs this bot sees it by the exit code.
process.once("beforeExit", () => {
  if (!isStopped) giveUp(`ended for good: ${lastLoss}`);
});

function sharedToken() {
  try {
    return readFileSync(join(dataDir, "pan-token"), "utf8").trim();
  } catch ({ message }) {
    return giveUp(`no token: ${message}`);
  }
}

function giveUp(why) {
  console.error(why);
  if (/no token:|ECONNREFUSED (127\.|::1)/.test(why))
    console.error("Is a broker running here? npm start (or: broker start) starts one and says where its token lies.");
  process.exit(1);
}
