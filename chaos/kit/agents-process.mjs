// Three agents in a process of their own, to be killed: a declared ZeroMQ agent, a PAN bot, an AgentChat client. They
// talk to `sink` until they are.
import { Publisher, Subscriber } from "zeromq";
import { WebSocket } from "ws";

const [name, zmqIn, zmqOut, pan, agentchat, token] = process.argv.slice(2);

/** A WebSocket that speaks JSON; resolves when it has heard what fits. */
async function enter(url, hello, isIn) {
  const socket = new WebSocket(url);
  await new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.once("open", () => socket.send(JSON.stringify(hello)));
    socket.on("message", (data) => isIn(JSON.parse(data)) && resolve());
  });
  return socket;
}

class Declaring extends Subscriber {
  declare(agent) {
    this.setStringOption(95, `X-Agent:${agent}`);
  }
}
const sub = new Declaring({ linger: 0 });
sub.declare(`${name}-zmq`);
sub.connect(zmqOut);
sub.subscribe(`${name}-zmq`, "#crowd");
const pub = new Publisher({ linger: 0, sendHighWaterMark: 0 });
pub.connect(zmqIn);
const bot = await enter(pan, { type: "auth", agentId: `${name}-pan`, token }, ({ status }) => status === "success");
const chat = await enter(agentchat, { type: "IDENTIFY", name: `${name}-chat` }, ({ type }) => type === "WELCOME");
bot.send(JSON.stringify({ type: "join", room: "#crowd" }));

let number = 0;
setInterval(() => {
  number += 1;
  const text = `${name} ${number}`;
  pub.send([
    "sink",
    JSON.stringify({
      message_id: text,
      timestamp: new Date().toISOString(),
      from: `${name}-zmq`,
      to: "sink",
      type: "inform",
      priority: "NORMAL",
      content: { message: `zmq ${text}` },
    }),
  ]);
  bot.send(JSON.stringify({ type: "chat", to: "sink", text: `pan ${text}`, intent: "inform" }));
  chat.send(JSON.stringify({ type: "MSG", to: "@sink", content: `chat ${text}` }));
}, 2);
for await (const [topic] of sub) if (String(topic) === "never") break;
