import { PhrasebookClient } from "../../../clients/typescript/shared/phrasebook-client.js";
import type { Phrasebook } from "../../dialect/index.js";
import type { OpenPair } from "./load.js";

/** Pairs of clients that speak a dialect by its phrasebook; `token` is the shared one. */
export function dialectPairs(url: string, phrasebook: Phrasebook, token: string): OpenPair {
  return async ([from, to], events) => {
    const common = { url, dialect: phrasebook, token, timeoutMs: 5_000, onLost: events.lost.bind(events) };
    const hearer = await PhrasebookClient.connect({ ...common, name: to, onText: events.heard.bind(events) });
    const speaker = await PhrasebookClient.connect({ ...common, name: from, onRefusal: events.refused.bind(events) });
    return {
      say: (text) => speaker.say(hearer.name, text),
      close: async () => {
        await Promise.all([speaker.close(), hearer.close()]);
      },
    };
  };
}
