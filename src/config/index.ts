export * from "./door-rules.js";
export * from "./doors.js";
export * from "./layers.js";
export * from "./options.js";
export * from "./problems.js";
export * from "./read.js";
export * from "./schema.js";
export * from "./spelling.js";
