export { hasVoted } from "./consensus.js";
export * from "./consensus-coordinator.js";
export * from "./coordinations.js";
