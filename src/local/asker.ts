import type { Principal } from "../core/index.js";
import type { Presence } from "../services/index.js";
import type { Connected } from "./connected.js";

/** Who asks at the desk. */
export interface Asker {
  readonly agent: string;
  /** The asker's own connection on ZeroMQ; rooms are joined through it. */
  readonly connected: Connected | undefined;
  readonly presence: Presence | undefined;
  /** As what rooms are shown: the proved principal where there is one. */
  readonly principal: Principal | undefined;
}
