import type { Mechanism } from "./policy.js";

/** Who may come in: `none` NULL only, `optional` NULL or PLAIN, `required` PLAIN only. */
export type ZmtpAuth = "none" | "optional" | "required";

/** What to do about the mechanism that a client's greeting names. */
export type MechanismChoice =
  | { readonly kind: "use"; readonly mechanism: Mechanism }
  /** Spoken as the client wants it, so that an ERROR can say why not: a plain close would bring it back at once. */
  | { readonly kind: "refuse"; readonly mechanism: Mechanism; readonly remedy: string }
  /** We cannot even say ERROR in it: held, then closed. */
  | { readonly kind: "hold"; readonly remedy: string };

/** Chooses by the client's greeting; both mechanisms live on one port. */
export function chooseMechanism(name: string, asServer: boolean, auth: ZmtpAuth): MechanismChoice {
  if (name !== "NULL" && name !== "PLAIN") {
    return {
      kind: "hold",
      remedy: `this broker does not speak the security mechanism ${printable(name)}: use NULL or PLAIN`,
    };
  }
  if (name === "PLAIN" && asServer) {
    return {
      kind: "hold",
      remedy: "the client calls itself a PLAIN server: set plain_username and plain_password on it, not plain_server",
    };
  }
  if (name === "PLAIN" && auth === "none") {
    return {
      kind: "refuse",
      mechanism: name,
      remedy: "this broker takes no tokens on ZeroMQ (auth none): connect without plain_username and plain_password",
    };
  }
  if (name === "NULL" && auth === "required") {
    return {
      kind: "refuse",
      mechanism: name,
      remedy:
        "this broker wants a token: set plain_username to the agent's name and plain_password to its token (`broker token AGENT` makes one)",
    };
  }
  return { kind: "use", mechanism: name };
}

function printable(name: string): string {
  return name.replace(/[^\x21-\x7e]/g, "?") || "(none)";
}
