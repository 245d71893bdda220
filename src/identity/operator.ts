import type { Scope } from "../core/index.js";

/**
 * The name under which whoever runs the broker connects (`operator-token` in the data directory). Nobody else may bear
 * it.
 */
export const operatorName = "operator";

/** What the operator may do beyond speaking for itself. */
export const operatorScopes: readonly Scope[] = ["observe", "inspect", "operate"];
