export * from "./coordinations.js";
