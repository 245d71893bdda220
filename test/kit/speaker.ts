import { Fault, type FaultCode, type Principal } from "../../src/core/index.js";
import type { Identity } from "../../src/identity/index.js";

/** As whom a token of a WebSocket dialect lets an agent speak. */
export async function speaker(
  identity: Pick<Identity, "bearer">,
  agent: string,
  token: string,
  displayName?: string,
): Promise<Principal> {
  return (await identity.bearer(token, "pan")).speakFor(agent, displayName);
}

/** The code with which it is refused; undefined if it is not. */
export async function refusalOf(...asked: Parameters<typeof speaker>): Promise<FaultCode | undefined> {
  try {
    await speaker(...asked);
    return undefined;
  } catch (error) {
    if (error instanceof Fault) return error.code;
    throw error;
  }
}
