/** A record that is written, or removed where there is no value. */
export interface Change {
  readonly table: string;
  readonly key: string;
  readonly value?: Uint8Array;
}

/** Which records of a table are read, in the order of their keys. */
export interface Range {
  readonly after?: string;
  readonly before?: string;
  readonly limit?: number;
  readonly reverse?: boolean;
}

/** Where records of bytes are kept. It knows nothing of what they are. */
export interface NetworkStore {
  /** False: all is gone with the process. */
  readonly isDurable: boolean;
  read(table: string, range?: Range): Promise<readonly (readonly [key: string, value: Uint8Array])[]>;
  /** All or none; on disk when it resolves. */
  commit(changes: readonly Change[]): Promise<void>;
  close(): Promise<void>;
}
