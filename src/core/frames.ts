/** A frame that a dialect wants to hand on byte for byte to sessions of its own. */
export interface RawFrame {
  readonly dialect: string;
  readonly frame: string | Buffer;
}

/** A frame with its transport's header, built once for any number of sockets. */
export interface PreparedFrame {
  readonly bytes: Buffer;
}

/** A frame for all receivers of one dialect and variant. */
export interface Rendered {
  readonly key: string;
  /** Undefined if the dialect cannot express the message. */
  readonly frame: PreparedFrame | undefined;
}
