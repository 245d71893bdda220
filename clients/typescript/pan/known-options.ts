import type { AskOptions } from "../shared/questions.js";
import type { Known } from "../shared/unknown-option.js";
import type { JoinOptions, PanClientOptions, SayOptions } from "./options.js";

/** Options of a client. */
export const clientOptions: Known<PanClientOptions> = {
  url: true,
  agentId: true,
  name: true,
  token: true,
  mailbox: true,
  answerTimeoutMs: true,
  reconnect: true,
  silentMs: true,
};

/** What may be said with a chat. */
export const sayOptions: Known<SayOptions> = {
  messageId: true,
  intent: true,
  replyTo: true,
  data: true,
  priority: true,
  receipt: true,
  ephemeral: true,
  expiresAt: true,
};

/** How a room is joined. */
export const joinOptions: Known<JoinOptions> = { history: true, after: true };

/** How a question is asked. */
export const askOptions: Known<AskOptions> = { timeoutMs: true };
