/**
 * What `synaptic-core/dialect` exports: the contract that a dialect is written against, and the suite that it must
 * pass.
 * @see CONTRIBUTING.md, examples/bar-dialect.mjs
 */
export * from "./dialect/index.js";
export { conformance, type ConformanceCase, type ConformanceSubject, type Feature } from "./conformance/index.js";
