/** Bytes of messages that wait for one before them, of one peer and of all, at most (Agent Network §14.2). */
export const heldRoomMax = Object.freeze({ ofPeerBytes: 4 * 1024 * 1024, bytes: 64 * 1024 * 1024 });

/** Room for messages that are held back: what one peer takes, the others do not miss. */
export class HeldRoom {
  readonly #limits: typeof heldRoomMax;
  // bound: peers of which something is held, heldRoomMax bytes in all · evicts: when nothing of a peer is held · owner:
  // HeldRoom
  readonly #ofPeer = new Map<string, number>();
  #bytes = 0;

  constructor(limits: typeof heldRoomMax = heldRoomMax) {
    this.#limits = limits;
  }

  /** Takes room. False where there is none. */
  take(peer: string, bytes: number): boolean {
    const ofPeer = (this.#ofPeer.get(peer) ?? 0) + bytes;
    if (ofPeer > this.#limits.ofPeerBytes || this.#bytes + bytes > this.#limits.bytes) return false;
    this.#ofPeer.set(peer, ofPeer);
    this.#bytes += bytes;
    return true;
  }

  /** Gives it back. */
  give(peer: string, bytes: number): void {
    const ofPeer = (this.#ofPeer.get(peer) ?? 0) - bytes;
    if (ofPeer > 0) this.#ofPeer.set(peer, ofPeer);
    else this.#ofPeer.delete(peer);
    this.#bytes -= bytes;
  }

  /** Bytes held in all. */
  get bytes(): number {
    return this.#bytes;
  }
}
