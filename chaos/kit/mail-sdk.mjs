// An agent of the TypeScript SDK in take mode, to be killed: `mail-sdk.mjs NAME IN OUT JOURNAL LIFE`. Its handler knows by
// their ids the messages that it has handled, also in earlier lives: it notes each in its journal, as `NAME LIFE TEXT ID`,
// and those that come again as `again NAME LIFE ID`. Prints `ready` when its handler is there.
import { appendFileSync, readFileSync } from "node:fs";
import { Agent } from "../../dist/src/index.js";

const [name, zmqIn, zmqOut, journal, life] = process.argv.slice(2);
const handled = new Set(
  readFileSync(journal, "utf8")
    .split("\n")
    .map((line) => line.split(" "))
    .filter(([owner]) => owner === name)
    .map(([, , , id]) => id),
);

/** The broker may be killed meanwhile, and may not know yet that the process before is gone. */
async function connected() {
  for (;;) {
    try {
      const options = { readyTimeoutMs: 2_000, requestTimeoutMs: 1_000 };
      return await Agent.connect({ name, in: zmqIn, out: zmqOut, mailbox: "take", ...options });
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

const agent = await connected();
function handle({ message_id: id, content }) {
  appendFileSync(
    journal,
    handled.has(id) ? `again ${name} ${life} ${id}\n` : `${name} ${life} ${content.message} ${id}\n`,
  );
  handled.add(id);
  return "noted";
}
agent.onInform(handle);
agent.onRequest(handle); // a MSG of AgentChat is one
console.log("ready");
