export * from "./consensus-coordinator.js";
export * from "./coordinations.js";
