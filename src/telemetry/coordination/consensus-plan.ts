import { agentNameProblem, Fault, type Limits } from "../../core/index.js";
import type { ConsensusPlan } from "../telemetry.js";

/** What bounds a coordination that the broker runs. */
export type PlanLimits = Pick<Limits, "coordinationParticipantsMax" | "coordinationMaxMs" | "coordinationMaxBytes">;

/** Looks at a plan by itself, whoever is here. @throws Fault malformed, too-large */
export function checkPlan({ participants, timeoutMs, proposal }: ConsensusPlan, limits: PlanLimits): void {
  const { coordinationParticipantsMax, coordinationMaxMs, coordinationMaxBytes } = limits;
  if (participants.length > coordinationParticipantsMax)
    throw new Fault(
      "malformed",
      `data.participants are ${coordinationParticipantsMax} at most (coordinationParticipantsMax)`,
    );
  if (new Set(participants.map(({ id }) => id)).size !== participants.length)
    throw new Fault("malformed", "data.participants names somebody twice");
  if (!participants.some(({ role }) => role === "voter"))
    throw new Fault("malformed", "data.participants has no voter");
  for (const { id } of participants) {
    const problem = agentNameProblem(id);
    if (problem !== undefined)
      throw new Fault("malformed", `data.participants are agents; ${JSON.stringify(id.slice(0, 128))} ${problem}`);
  }
  if (timeoutMs > coordinationMaxMs)
    throw new Fault("malformed", `data.parameters.timeout is ${coordinationMaxMs} at most (coordinationMaxMs)`);
  if (Buffer.byteLength(JSON.stringify(proposal)) > coordinationMaxBytes)
    throw new Fault("too-large", `a proposal has ${coordinationMaxBytes} bytes at most (coordinationMaxBytes)`);
}
