export * from "./desk.js";
export type { Asker, Askers } from "./topic.js";
