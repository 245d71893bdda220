import { once } from "node:events";
import type { Command } from "commander";
import type { Envelope } from "../../core/index.js";
import { findBroker, type BrokerChoice } from "../operator.js";
import { dataLines, finished, say, type Output } from "../output.js";
import { operatorName } from "../../services/index.js";

/** `broker tap [topic…]`: what passes, until interrupted. */
export function tapCommand(program: Command): void {
  program
    .command("tap")
    .argument("[topics...]", "only these topics: a name, #room, a prefix ending in . / or :  (default: everything)")
    .description("print what passes; one JSON line each with --json or into a pipe")
    .action(async (topics: readonly string[], _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<BrokerChoice & Output>();
      const { in: zmqIn, out, token } = findBroker(options);
      const { Agent } = await import("../../agent/index.js");
      const operator = await Agent.connect({ name: operatorName, in: zmqIn, out, token, hearOwn: true, inboxMax: 100_000 });
      for (const topic of topics.length === 0 ? [""] : topics) operator.subscribe(topic);
      const asJson = options.json === true || !process.stdout.isTTY;
      say(`listening to ${topics.length === 0 ? "everything" : topics.join(" ")}; Ctrl-C ends it`);
      const ended = new AbortController();
      const end = (): void => {
        ended.abort();
        void operator.close();
      };
      process.once("SIGINT", end);
      process.once("SIGTERM", end);
      const lines = dataLines();
      lines.on("error", (error: NodeJS.ErrnoException) => {
        if (error.code !== "EPIPE") say(`broker: the output cannot be written: ${error.message}`);
        process.exit(error.code === "EPIPE" ? 0 : 1);
      });
      for await (const envelope of operator) {
        const hasRoom = lines.write(`${asJson ? JSON.stringify(envelope) : line(envelope)}\n`);
        if (!hasRoom && !ended.signal.aborted) await once(lines, "drain", { signal: ended.signal }).catch(() => undefined);
        if (ended.signal.aborted) break;
      }
      if (operator.dropped > 0) say(`${operator.dropped} messages were not shown: whoever reads this output is too slow`);
      await finished(lines);
      // A reader that has stopped would keep the process for ever.
      process.exit(0);
    });
}

function line({ timestamp, from, to, type, content }: Envelope): string {
  const kind = content.kind === undefined ? "" : ` [${content.kind}]`;
  return `${timestamp.slice(11, 23)} ${from} → ${to} ${type}${kind}: ${content.message}`;
}
