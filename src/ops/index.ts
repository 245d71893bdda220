export { appendAudit, auditedToken, type AuditEvent } from "./audit-event.js";
export type { AuditLog } from "./audit-log.js";
export * from "./metric-sources.js";
export * from "./operations.js";
export * from "./request-latency.js";
export { sdkPage } from "./sdk-page.js";
export { SignedWebhooks } from "./webhooks/webhooks.js";
export { welcomePage, type WelcomeOptions } from "./welcome-page.js";
