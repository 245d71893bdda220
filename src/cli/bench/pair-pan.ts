import { PanClient } from "../../../clients/typescript/pan/client.js";
import type { OpenPair } from "./load.js";

/** Pairs of PAN bots; `token` is the shared one. */
export function panPairs({ url, token }: { readonly url: string; readonly token: string }): OpenPair {
  return async ([from, to], events) => {
    const [speaker, hearer] = [from, to].map((agentId) => new PanClient({ url, agentId, token, reconnect: false })) as [
      PanClient,
      PanClient,
    ];
    hearer.on("chat", ({ text }) => {
      events.heard(text);
    });
    speaker.on("refused", ({ code, message }) => {
      events.refused(`${code}: ${message}`);
    });
    for (const client of [speaker, hearer]) {
      client.on("close", ({ code, reason }) => {
        events.lost(`${code} ${reason}`);
      });
      await client.connect();
    }
    return {
      say: (text) => {
        speaker.say(to, text, { intent: "inform" });
        return Promise.resolve();
      },
      close: async () => {
        await Promise.all([speaker.close(), hearer.close()]);
      },
    };
  };
}
