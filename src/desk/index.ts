export * from "./desk.js";
export type { Forget, Forgotten } from "./forget.js";
export type { DeskCoordination } from "./kind.js";
export type * from "./office.js";
export type { Asker, Askers } from "./topic.js";
