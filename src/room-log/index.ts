export type { Cursors } from "./handed-over.js";
export type { LogPage, LogPast, PageSize } from "./log-reader.js";
export * from "./log-row.js";
export type { LogLimits } from "./log-shares.js";
export type { LogPlan } from "./room-log.js";
export { RoomLog } from "./room-log.js";
export * from "./room-logs.js";
export { copyRoomLogs } from "./room-logs-copy.js";
export * from "./room-logs-lmdb.js";
