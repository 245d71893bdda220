import type { Exchange } from "../core/exchange.js";
import type { Conversations } from "./conversations.js";
import type { Requests } from "./requests.js";

/**
 * Makes requests and conversations follow what is routed, and completes responses that do not say what they answer
 * (protocols §3.2).
 */
export function followAnswers(
  exchange: Exchange,
  { conversations, requests }: { readonly conversations: Conversations; readonly requests: Requests },
): void {
  exchange.complete(({ from, to }) => conversations.answered(from, to));
  exchange.follow((envelope, message) => {
    conversations.heard(envelope, message);
    if (envelope.type === "response") requests.answer(envelope);
  });
}
