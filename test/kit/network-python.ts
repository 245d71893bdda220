import { fileURLToPath } from "node:url";
import { startProgram, type Program } from "./cli.js";

const sources = fileURLToPath(new URL("../../clients/python/src", import.meta.url));

/**
 * An agent of the Python client: answers queries, confirms proposals, prints what it hears, and does what it is told on
 * its standard input, a JSON text a line.
 */
const source = `
import asyncio, json, sys
from synaptic_core import Fault
from synaptic_core.network import NetworkOptions, SecureAgent

url, token, name, store = sys.argv[1:]
options = NetworkOptions(retry_first_s=1, retry_most_s=2, reconnect_first_s=0.05, reconnect_most_s=0.2, tick_s=0.1)
agent = SecureAgent(url, token, name, options=options, **({"passphrase": "py", "store": store} if store else {}))
tell = lambda **what: print(json.dumps(what), flush=True)
agent.on_security(lambda event: tell(security=event.kind, shown=event.fingerprints.shown if event.fingerprints else None))
agent.on_delivery(lambda report: tell(delivered=report.recipient) if report.state == "delivered" else None)

@agent.on("QUERY")
async def _(query):
    return {"text": f"{name} heard {query.text}", "number": 1e21, "sealed": query.is_sealed and query.is_verified}

@agent.on("PROPOSAL")
async def _(proposal):
    await agent.confirm(proposal, "evt_py")

@agent.on("INFORM")
def _(message):
    tell(heard=message.text)

async def told(line):
    order = json.loads(line)
    if order["do"] == "query":
        answer = await agent.query(order["to"], "CUSTOM", {"text": order["text"]}, timeout_s=40)
        tell(answer=answer.data)
    elif order["do"] == "propose":
        tell(decision=(await agent.propose(order["to"], {"title": "Tea"}, timeout_s=40)).type)
    elif order["do"] == "inform":
        for text in order["texts"]:
            await agent.inform(order["to"], text)
        tell(kept=len(order["texts"]))
    elif order["do"] == "accept":
        await agent.accept_key(order["peer"], order["fingerprint"])
        tell(accepted=order["peer"])
    elif order["do"] == "rotate":
        await agent.rotate()
        tell(rotated=True)

async def main():
    async with agent:
        tell(fingerprint=agent.fingerprint())
        loop = asyncio.get_running_loop()
        tasks = []
        while True:
            line = await loop.run_in_executor(None, sys.stdin.readline)
            if not line:
                break
            tasks.append(asyncio.ensure_future(told(line)))
        await asyncio.gather(*tasks)
asyncio.run(main())
`;

/** What the Python agent has printed, line by line. */
export interface PythonAgent {
  readonly program: Program;
  /** Says an order. */
  say(order: Readonly<Record<string, unknown>>): void;
  /** The first value under `key` that was told and not taken yet. */
  tells(key: string): Promise<unknown>;
  /** Ends it as its user does, or kills it. */
  end(signal?: NodeJS.Signals): Promise<void>;
}

/** Starts a Python agent; with a `store` its keys and what waits outlive it. */
export function startPythonAgent(at: {
  readonly url: string;
  readonly token: string;
  readonly name: string;
  readonly store?: string;
}): PythonAgent {
  const environment = { PYTHONPATH: sources, PYTHONDONTWRITEBYTECODE: "1" };
  const args = ["-c", source, at.url, at.token, at.name, at.store ?? ""];
  const program = startProgram("/usr/bin/python3", args, environment, "pipe");
  const told: Readonly<Record<string, unknown>>[] = [];
  let read = 0;
  const take = (text: string): void => {
    const lines = text.slice(0, text.lastIndexOf("\n") + 1).split("\n");
    for (const line of lines.slice(read, -1)) told.push(JSON.parse(line) as Readonly<Record<string, unknown>>);
    read = Math.max(read, lines.length - 1);
  };
  return {
    program,
    say: (order) => program.process.stdin?.write(`${JSON.stringify(order)}\n`),
    tells: async (key) => {
      for (let seen = read; ; seen = read) {
        const at = told.findIndex((one) => key in one);
        if (at >= 0) return told.splice(at, 1)[0]?.[key];
        take(await program.prints(new RegExp(`^(?:.*\\n){${seen + 1}}`)));
      }
    },
    end: async (signal) => {
      if (signal === undefined) program.process.stdin?.end();
      await (signal === undefined ? program.ended : program.stop(signal));
    },
  };
}
