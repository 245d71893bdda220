export { appendAudit, auditedToken, type AuditEvent } from "./audit-event.js";
export type { AuditLog } from "./audit-log.js";
export * from "./metric-sources.js";
export * from "./operations.js";
export type { Page, PageRequest, Pages } from "./pages.js";
export * from "./request-latency.js";
