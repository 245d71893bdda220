import { unknownOption, type Known } from "../shared/unknown-option.js";
import { AgentChatError } from "./error.js";
import type { AgentChatClientOptions } from "./options.js";

const clientOptions: Known<AgentChatClientOptions> = {
  server: true,
  name: true,
  identity: true,
  echo: true,
  mailbox: true,
  reconnect: true,
  answerTimeoutMs: true,
};

/**
 * In JavaScript anything can be given.
 * @throws AgentChatError INVALID_MSG if `options.server` is missing, and for an option that is none
 */
export function checkOptions(options: AgentChatClientOptions): void {
  const { server }: { readonly server?: unknown } = options;
  if (typeof server !== "string" || server === "")
    throw new AgentChatError(
      "INVALID_MSG",
      'the server is missing: new AgentChatClient({ server: "ws://HOST:PORT", name: "my-agent" })',
    );
  const problem = unknownOption("new AgentChatClient", options, clientOptions);
  if (problem !== undefined) throw new AgentChatError("INVALID_MSG", problem);
}
