import type { Slices } from "../../core/index.js";
import type { Dialect, DialectTypes, Session } from "../../dialect/index.js";
import type { EngineContext } from "./context.js";
import type { Hearing } from "./hearing.js";

/** The dialect in service to which sessions belong; one for all its sessions. */
export interface SessionOwner<T extends DialectTypes> {
  readonly context: EngineContext;
  readonly dialect: Dialect<T>;
  readonly hearing: Hearing<T>;
  /** Long work of all its sessions. */
  readonly slices: Slices;
  /** Hears of logins and displacements. */
  witness(event: "login" | "displaced", session: Pick<Session<T>, "principal" | "remote">): void;
}
