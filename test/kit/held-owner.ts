import type { ChannelsOwner } from "../../bridges/visualisation/channels/channels.js";

/** Where channels send, with a socket that can be behind, and a clock. */
export class HeldOwner implements ChannelsOwner {
  isHeld = false;
  time = 0;
  /** So many more frames are taken before the socket is behind. */
  room = Infinity;
  readonly sent: { readonly channel: string; readonly sequence: number; readonly message: unknown }[] = [];

  send(text: string): void {
    this.sent.push(JSON.parse(text) as (typeof this.sent)[number]);
    this.room -= 1;
    if (this.room <= 0) this.isHeld = true;
  }

  now(): number {
    return this.time;
  }
}
