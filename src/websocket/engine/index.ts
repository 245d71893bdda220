/** The engine that runs any dialect. */
export { Bridges, type BridgesOptions, type BridgesStatus } from "./bridges.js";
export type { OpenSession } from "./engine.js";
