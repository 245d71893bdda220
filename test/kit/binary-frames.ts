import type { Position } from "../../bridges/visualisation/binary/index.js";

/** The numbers of agents, as a layout keeps them. */
export function idsOf(agents: readonly Position[]): Uint32Array {
  return Uint32Array.from(agents, ({ id }) => id);
}

/** Six values for each, as a layout keeps them. */
export function valuesOf(agents: readonly Position[]): Float32Array {
  return Float32Array.from(agents.flatMap(({ x, y, z, vx, vy, vz }) => [x, y, z, vx, vy, vz]));
}
