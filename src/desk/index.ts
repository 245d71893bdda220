export * from "./desk.js";
export type { Seat } from "./kind.js";
