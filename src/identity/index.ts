export * from "./claim-watch.js";
export * from "./failed-logins.js";
export * from "./identity-tokens.js";
export * from "./identity.js";
export * from "./limiter-memory.js";
export type * from "./limiter.js";
export { rehearse } from "./own-jwt.js";
export type * from "./outside-issuers.js";
export type { UnverifiedJwt } from "./jwt-form.js";
