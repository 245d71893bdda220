export * from "./doors.js";
export * from "./layers.js";
export * from "./options.js";
export * from "./read.js";
export * from "./spelling.js";
export * from "./text-values.js";
