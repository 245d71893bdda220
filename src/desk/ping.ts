import type { Kind } from "./kind.js";

/** `ping`: both sockets of the asker work. */
export const ping: Kind = () => ({ message: "pong" });
