import { Fault } from "../core/index.js";
import type { Kind } from "./kind.js";

/** `broker.status`: ledgers, limits and connections, for the operator only. */
export const brokerStatus: Kind = ({ context: { status }, viewer }) => {
  if (viewer?.scopes.has("operate") !== true)
    throw new Fault(
      "forbidden",
      "only the operator asks for this: connect by PLAIN with the operator-token of the data directory",
    );
  return { message: "the broker is running", data: status() };
};
