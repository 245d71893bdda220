export * from "./desk.js";
export type { Seat } from "./kind.js";
export { listAgents, listRooms } from "./kinds.js";
