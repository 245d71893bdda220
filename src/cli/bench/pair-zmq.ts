import { Agent } from "../../../clients/typescript/agent/index.js";
import { asFault, Fault } from "../../core/index.js";
import type { OpenPair } from "./load.js";

/** Pairs of agents with two ZeroMQ sockets each. */
export function zmqPairs(doors: { readonly in: string; readonly out: string }): OpenPair {
  return async ([from, to], events) => {
    const hearer = await Agent.connect({ name: to, ...doors }).catch((thrown: unknown) => {
      const fault = asFault(thrown);
      if (fault.code !== "unauthenticated") throw fault;
      throw new Fault(
        "forbidden",
        "a bench via zmq has no tokens, but this broker demands them: use --via pan or --via agentchat, " +
          `or start the broker with --zmq-auth optional (${fault.message})`,
        { cause: fault },
      );
    });
    const speaker = await Agent.connect({ name: from, ...doors });
    hearer.onInform(({ content }) => {
      events.heard(content.message);
    });
    speaker.onInform(({ content }) => {
      if (content.kind === "fault") events.refused(content.message);
    });
    return {
      say: (text) => speaker.inform(to, text),
      close: async () => {
        await Promise.all([speaker.close(), hearer.close()]);
      },
    };
  };
}
