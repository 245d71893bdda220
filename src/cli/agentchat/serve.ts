import { hostname } from "node:os";
import type { Command } from "commander";
import { defaultLimits } from "../../core/limits.js";
import { print, type Output } from "../output.js";
import { keepToOneself } from "./own-folder.js";
import { count, port, quantity } from "./options.js";
import { startServer, type ServerOptions } from "./serve-start.js";
import { defaultPort } from "./target.js";
import { untilInterrupted } from "./until.js";

type Options = ServerOptions & Output;

/** `agentchat serve`: a broker that opens one door, for AgentChat (seed 001, server mode; protocols §5, listeners). */
export function serveCommand(program: Command): void {
  program
    .command("serve")
    .description("run a server until interrupted; it logs JSON lines on stderr")
    .helpOption("--help", "show what there is") // -h is a host (seed 001)
    .option("-p, --port <port>", "port to listen on, 0: chosen by the system", port, defaultPort)
    .option("-h, --host <host>", "address to bind; 127.0.0.1 keeps it to this machine", "0.0.0.0")
    .option("-n, --name <name>", "the server's name", hostname())
    .option(
      "--rate <n>",
      "messages a second that an agent may send, 0: as many as it likes",
      quantity,
      defaultLimits.agentchatRatePerSecond,
    )
    .option("--burst <n>", "messages an agent may send at once", count, defaultLimits.agentchatBurst)
    .option("--log-messages", "write every message into the log, with its text")
    .option("--data-dir <folder>", "where the server keeps keys, agreements and secrets", "./.agentchat/server")
    .option("--tls-cert <file>", "certificate chain (PEM): clients connect with wss://")
    .option("--tls-key <file>", "its key (PEM)")
    .option("--json", "print where it listens as JSON")
    .action(async (options: Options) => {
      const interrupted = untilInterrupted();
      await keepToOneself(options.dataDir);
      const server = await startServer(options);
      tellReady(options, server);
      await interrupted;
      await server.stop();
    });
}

/** On stdout, so that stderr is nothing but JSON. */
function tellReady(options: Options, { url, isOpen }: { readonly url: string; readonly isOpen: boolean }): void {
  const { name, host } = options;
  const warning = `warning: ${host} can be reached from other machines, and nothing is encrypted; --host 127.0.0.1 keeps it to this one, --tls-cert and --tls-key protect the line`;
  print(options, { pid: process.pid, url, server: name, reachable: isOpen }, () => {
    const ready = `agentchat server ${name} is ready at ${url} (pid ${process.pid}); Ctrl-C ends it`;
    return isOpen ? `${ready}\n${warning}` : ready;
  });
}
