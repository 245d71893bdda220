import type { KeyPair } from "../crypto/sodium.js";

/** What JSON can hold. */
export type JsonValue =
  null | boolean | number | string | readonly JsonValue[] | { readonly [name: string]: JsonValue };

/** A record that is written, or removed where there is no value. */
export interface RecordChange {
  readonly table: string;
  readonly key: string;
  readonly value?: JsonValue;
}

/** One's own keys. */
export interface OwnKeys {
  /** Ed25519: by it others know the agent. */
  readonly signing: KeyPair;
  /** Long-term X25519, for seed mode. `since`: milliseconds since 1970. */
  readonly agreement: KeyPair & { readonly since: number };
  /** Long-term pairs before it that still open. */
  readonly earlier: readonly (KeyPair & { readonly until: number })[];
}

/** Where pins and used keys are kept, and one's own keys; on disk where there is one. */
export interface ConversationRecords {
  /** What can be read; see {@link isDamaged}. */
  read(table: string): Promise<readonly (readonly [key: string, value: JsonValue])[]>;
  /** Whether something is kept under this key that cannot be read any more (Agent Network §14.5). */
  isDamaged?(table: string, key: string): boolean;
  /** All or none; on disk when it resolves. */
  commit(changes: readonly RecordChange[]): Promise<void>;
  saveIdentity(keys: OwnKeys): Promise<void>;
}
