/** The engine that runs any dialect. */
export { Bridges, type BridgesOptions, type BridgesStatus } from "./bridges.js";
