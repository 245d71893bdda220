import { seedKeys } from "../crypto/derive.js";
import { wipe } from "../crypto/key-pairs.js";
import type { Bytes } from "../crypto/sodium.js";
import type { OwnKeys } from "./records.js";

/** Peers in seed mode whose keys are at hand. */
export const seedPeersMax = 4_096;

interface SeedPeer {
  /** By one's own present pair and those before it that still open. */
  readonly opening: readonly Bytes[];
  /** Undefined until there was a handshake: the peer may know another key of ours. */
  readonly sealing: Bytes | undefined;
}

/** The keys of peers in seed mode: one for all conversations with a peer (Agent Network §13.2). */
export class SeedPeers {
  // bound: seedPeersMax, with as many keys as one has pairs that open · evicts: the longest unused · owner: SeedPeers
  readonly #keys = new Map<string, SeedPeer>();

  /** What seals for a peer; undefined until there was a handshake. */
  sealing(peer: string): Bytes | undefined {
    return this.#keys.get(peer)?.sealing;
  }

  /** What opens, the likeliest first; derived where it is not at hand. Rejects with a CryptoProblem for a bad key. */
  async opening(peer: string, publicKey: Bytes, own: OwnKeys): Promise<readonly Bytes[]> {
    const known = this.#keys.get(peer);
    if (known === undefined) return this.#derive(peer, publicKey, own, false);
    this.#keys.delete(peer);
    this.#keys.set(peer, known);
    return known.opening;
  }

  /** There was a handshake: from now on the key seals. Rejects with a CryptoProblem for a bad key. */
  async met(peer: string, publicKey: Bytes, own: OwnKeys): Promise<void> {
    await this.#derive(peer, publicKey, own, true);
  }

  /** Wipes a peer's keys. */
  forget(peer: string): void {
    for (const key of this.#keys.get(peer)?.opening ?? []) wipe(key);
    this.#keys.delete(peer);
  }

  /** Wipes all keys; what comes derives them anew. */
  close(): void {
    for (const peer of [...this.#keys.keys()]) this.forget(peer);
  }

  async #derive(peer: string, publicKey: Bytes, own: OwnKeys, isMet: boolean): Promise<readonly Bytes[]> {
    const opening = await Promise.all(
      [own.agreement, ...own.earlier].map(async ({ privateKey }) => {
        const { encryption, authentication, iv } = await seedKeys(privateKey, publicKey);
        wipe(authentication);
        wipe(iv);
        return encryption;
      }),
    );
    this.forget(peer);
    this.#keys.set(peer, { opening, sealing: isMet ? opening[0] : undefined });
    const [oldest] = this.#keys.keys();
    if (this.#keys.size > seedPeersMax && oldest !== undefined) this.forget(oldest);
    return opening;
  }
}
