import { context } from "zeromq";
import { expect, it } from "vitest";
import { Agent } from "../../src/index.js";
import { eventually, startBroker } from "../kit/broker.js";

/**
 * Each agent is two libzmq sockets with files of their own; more than this many at once and the process runs out of
 * descriptors.
 */
const count = 1_000;

it("loses nothing when 1,000 agents start and publish at once", async () => {
  context.maxSockets = 4 * count;
  const at = await startBroker();
  let heard = 0;
  const faults: string[] = [];
  const agents: Agent[] = [];
  try {
    // Each waits for its neighbour only through the broker's answer: whoever is not there yet is asked again, and
    // nothing that was accepted is lost.
    await Promise.all(
      Array.from({ length: count }, async (_, n) => {
        const agent = await Agent.connect({ name: `agent-${n}`, in: at.zmqIn, out: at.zmqOut, readyTimeoutMs: 90_000 });
        agents.push(agent);
        agent.onInform((envelope) => {
          if (envelope.content.kind === "fault") faults.push(envelope.content.message);
          else if (envelope.content.message === "hello") heard += 1;
        });
        await agent.inform("#plaza", "here");
      }),
    );
    await Promise.all(agents.map(async (agent, n) => agent.inform(agents[(n + 1) % count]?.name ?? "", "hello")));
    await eventually(() => heard === count, `${count} are heard`, 30_000);
    expect(faults).toEqual([]);
    const { messages, copies } = at.broker.status().ledger;
    expect(messages.accepted).toBe(messages.routed + messages.refused + messages.unroutable + messages.malformed);
    expect(copies.dropped).toEqual({ full: 0, closed: 0, expired: 0, unrenderable: 0 });
  } finally {
    await Promise.all(agents.map((agent) => agent.close()));
    await at.stop();
  }
}, 180_000);
