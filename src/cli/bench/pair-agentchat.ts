import { AgentChatClient } from "../../../clients/typescript/agentchat/client.js";
import { Fault } from "../../core/index.js";
import type { OpenPair } from "./load.js";

/** Pairs of AgentChat clients without keys. */
export function agentchatPairs({ url }: { readonly url: string }): OpenPair {
  return async ([from, to], events) => {
    const [speaker, hearer] = [from, to].map(
      (name) => new AgentChatClient({ server: url, name, echo: false, reconnect: false }),
    ) as [AgentChatClient, AgentChatClient];
    hearer.on("message", ({ content }) => {
      events.heard(content);
    });
    speaker.on("error", ({ code, message }) => {
      events.refused(`${code}: ${message}`);
    });
    for (const client of [speaker, hearer]) {
      client.on("close", ({ code, reason }) => {
        events.lost(`${code} ${reason}`);
      });
      await client.connect();
    }
    const { agentId } = hearer;
    if (agentId === undefined) throw new Fault("unavailable", `${url} gave no agent id`);
    return {
      say: async (text) => {
        await speaker.dm(agentId, text);
      },
      close: async () => {
        await Promise.all([speaker.disconnect(), hearer.disconnect()]);
      },
    };
  };
}
