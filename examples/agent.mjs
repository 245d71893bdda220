// @ts-check
// An agent with the SDK: answers requests, joins a room, asks somebody who answers. Its types are the SDK's: an editor
// shows them, and TypeScript checks them here.
//
// node examples/agent.mjs [NAME] [FRIEND] (in the repository after npm ci, or wherever synaptic-core is installed)
//
// It finds the broker that runs on this machine by itself.
import { Agent } from "synaptic-core";

const agent = await Agent.connect({ name: process.argv[2] ?? "scout" }).catch(giveUp);

// What the handler returns is the response; what it throws is told to the asker as a fault.
agent.onRequest((request) => `${agent.name} heard: ${request.content.message}`);
agent.onInform((notice) => {
  console.log(`${notice.from} in ${notice.to}: ${notice.content.message}`);
});

await agent.join("#general");
await agent.inform("#general", `${agent.name} is here`);

const others = await agent.agents();
console.log(`online: ${others.map(({ name }) => name).join(", ")}`);

// A question to one of them, with an end to the patience.
const friend = others.find(({ name }) => name === process.argv[3]);
if (friend !== undefined) {
  const answer = await agent.request(friend.name, "what are you doing?", { timeoutMs: 5_000 });
  console.log(`${friend.name}: ${answer.content.message}`);
}

process.once("SIGINT", () => void agent.close());

/** @param {Error} error @returns {never} */
function giveUp({ message }) {
  console.error(`${message}\nIs a broker running here? npm start (or: broker start) starts one.`);
  process.exit(1);
}
