import type { Message } from "./message.js";
import type { Subscriber } from "./subscriber.js";

/** Takes what is for one topic instead of those who subscribe to it, and hands it over later: a mailbox, a log. */
export interface Keeper {
  /**
   * Takes the message, or lets it pass to the subscribers; `held`: taps, too, hear it only when it is released
   * (`Router.release`); `repeated`: it has it already. What it takes is safe to hold only after `message.keep()`.
   * @throws Fault full, unavailable: the message is refused
   */
  keep(message: Message): "kept" | "held" | "passes" | "repeated";
  /** Resolves when what it has taken so far is on the disk. @throws Fault unavailable, as a rejection */
  safe?(): Promise<void>;
  /** Somebody subscribes to the topic and hears it. Also called for those who did so before the keeper was there. */
  arrived(subscriber: Subscriber): void;
  /** Somebody no longer subscribes to the topic, or does not hear it any more; also called for who never did. */
  left(subscriber: Subscriber): void;
}
