export { appendAudit, auditedToken, type AuditEvent } from "./audit-event.js";
export type { AuditLog } from "./audit-log.js";
export * from "./door-counts.js";
export * from "./latency-histogram.js";
export * from "./measured-requests.js";
export * from "./operations.js";
export type { Page, PageRequest, Pages } from "./pages.js";
