export * from "./desk.js";
export type { Forget, Forgotten } from "./forget.js";
export type { Asker, Askers } from "./topic.js";
