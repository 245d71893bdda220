import { Fault, type Envelope } from "../../../src/core/index.js";

/** How long a twin may take to leave, for example while a program is started again, milliseconds. */
const leaveMs = 2_000;
/** Time between two looks, milliseconds. */
const pauseMs = 100;

/**
 * Waits until no other program is connected under the same name, unless this one came first (ZeroMQ §5.4): of several
 * that start at one moment one stays.
 * @param name the name of the agent that has just connected
 * @param pong the broker's answer to its first ping
 * @param ping asks the broker once more
 * @throws Fault conflict if another program is still there after 2 s, and what `ping` throws
 */
export async function mustBeAlone(name: string, pong: Envelope, ping: () => Promise<Envelope>): Promise<void> {
  const end = performance.now() + leaveMs;
  let last = pong;
  while (isSecond(last)) {
    if (performance.now() >= end) throw twinFault(name);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    last = await ping();
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

/** True if another connection had the name first, as the broker says; also if it does not say which was first. */
function isSecond({ content: { data } }: Envelope): boolean {
  const { connections, place }: { readonly connections?: unknown; readonly place?: unknown } =
    typeof data === "object" && data !== null ? data : {};
  return typeof connections === "number" && connections > 1 && place !== 1;
}
