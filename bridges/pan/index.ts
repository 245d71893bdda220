import { defineDialect } from "#dialect";
import { dialect } from "./dialect.js";

/** PAN v1.0 as the broker serves it. */
export const pan = defineDialect(dialect);
