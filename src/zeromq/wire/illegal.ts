/** Why a connection's bytes were illegal: a closed vocabulary, used as the word of the ledger. */
export type IllegalReason =
  | "zmtp-not-zmtp"
  | "zmtp-reserved-flags"
  | "zmtp-command-more"
  | "zmtp-frame-too-large"
  | "zmtp-message-too-large"
  | "zmtp-handshake-too-large"
  | "zmtp-command-name"
  | "zmtp-metadata"
  | "zmtp-hello"
  | "zmtp-ready-twice"
  | "zmtp-early-traffic"
  | "zmtp-unexpected-command"
  | "zmtp-short-ping";

/** Bytes that ZMTP does not allow (RFC 23): the connection is closed at once and the reason counted. */
export class IllegalBytes extends Error {
  readonly reason: IllegalReason;

  constructor(reason: IllegalReason) {
    super(reason);
    this.name = "IllegalBytes";
    this.reason = reason;
  }
}
