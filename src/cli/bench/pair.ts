/** What becomes of what one of a pair says to the other. */
export interface PairEars {
  /** The other has heard it. */
  heard(text: string): void;
  /** The broker has refused it, for this reason. */
  refused(reason: string): void;
  /** A line was lost: nothing more will be heard. */
  lost(reason: string): void;
}

/** Two clients, of whom one speaks to the other. */
export interface Pair {
  /** Resolves when the line has taken it. */
  say(text: string): Promise<void>;
  close(): Promise<void>;
}

/** Connects a pair; `names` are free. */
export type OpenPair = (names: readonly [speaker: string, hearer: string], ears: PairEars) => Promise<Pair>;
