import { Fault, type Envelope } from "../../../src/core/index.js";

/** How long a twin may take to leave, for example while a program is started again, milliseconds. */
const leaveMs = 2_000;
/** Time between two looks, milliseconds. */
const pauseMs = 100;

/**
 * Waits until no other program is connected under the same name.
 * @param name the name of the agent that has just connected
 * @param pong the broker's answer to its first ping
 * @param ping asks the broker once more
 * @throws Fault conflict if another program is still there after 2 s, and what `ping` throws
 */
export async function mustBeAlone(name: string, pong: Envelope, ping: () => Promise<Envelope>): Promise<void> {
  const end = performance.now() + leaveMs;
  let connections = connectionsIn(pong);
  while (connections > 1) {
    if (performance.now() >= end) throw twinFault(name);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    connections = connectionsIn(await ping());
  }
}

/** The refusal of a second program under one name. */
export function twinFault(name: string): Fault {
  return new Fault(
    "conflict",
    `another program is connected as ${name}, and both would do the same work: stop it, choose another name, ` +
      "or connect with exclusive: false if they are to share this one",
  );
}

/** How many connections share the name, as the broker says; 1 if it does not say it. */
function connectionsIn({ content: { data } }: Envelope): number {
  const { connections } = { connections: undefined, ...(typeof data === "object" ? data : {}) } as {
    readonly connections: unknown;
  };
  return typeof connections === "number" ? connections : 1;
}
