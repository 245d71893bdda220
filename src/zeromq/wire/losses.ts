import { cutText, Fault, shownTopic, type FaultCode, type Limits } from "../../core/index.js";
import type { IllegalReason } from "./codec.js";
import type { DoorKind } from "./handshake.js";
import type { SharedParts } from "./peer.js";
import type { ZmtpPeer } from "./policy.js";

/** What is lost of a peer that stays connected. */
export type LossReason =
  | "zmtp-not-two-parts"
  | "zmtp-topic-too-long"
  | "zmtp-subscription-too-long"
  | "zmtp-subscriptions-full"
  | "zmtp-subscriptions-large"
  | "zmtp-upstream-ignored";

/** Why a peer is cut, beside its illegal bytes. */
type CutReason =
  "zmtp-evicted" | "zmtp-stuck" | "zmtp-answers-unread" | "zmtp-handshake-timeout" | "zmtp-answer-dropped";

interface Words {
  readonly code: FaultCode;
  readonly remedy: (limits: Limits) => string;
}

const always = (code: FaultCode, text: string): Words => ({ code, remedy: () => text });
const noZeroMq = "something that is no ZeroMQ client connects here: WebSocket clients have an address of their own";
const damaged = "the bytes are no ZMTP 3 (RFC 23): use a ZeroMQ library, and nothing else, on this connection";

const losses: Readonly<Record<LossReason, Words>> = {
  "zmtp-not-two-parts": always(
    "malformed",
    'a message has exactly two frames, topic and payload: send_multipart([b"claude", payload]), ' +
      'not send_string("claude " + payload)',
  ),
  "zmtp-topic-too-long": {
    code: "too-large",
    remedy: ({ zmqTopicMaxBytes }) => `a topic has at most ${zmqTopicMaxBytes} bytes (zmqTopicMaxBytes): shorten it`,
  },
  "zmtp-subscription-too-long": {
    code: "too-large",
    remedy: ({ zmqTopicMaxBytes }) =>
      `a subscription has at most ${zmqTopicMaxBytes} bytes (zmqTopicMaxBytes): subscribe to something shorter`,
  },
  "zmtp-subscriptions-full": {
    code: "full",
    remedy: ({ zmqSubscriptionsMax }) =>
      `a connection has at most ${zmqSubscriptionsMax} subscriptions (zmqSubscriptionsMax): cancel some, subscribe ` +
      "to a prefix that ends in . / or :, or connect once more",
  },
  "zmtp-subscriptions-large": {
    code: "full",
    remedy: ({ zmqSubscriptionsMaxBytes, zmqSubscriptionsTotalMaxBytes }) =>
      `the subscriptions of a connection take at most ${zmqSubscriptionsMaxBytes} bytes (zmqSubscriptionsMaxBytes), ` +
      `those of all ${zmqSubscriptionsTotalMaxBytes} (zmqSubscriptionsTotalMaxBytes): cancel some, or subscribe to a ` +
      "prefix that ends in . / or :",
  },
  "zmtp-upstream-ignored": always(
    "unsupported",
    "a SUB or XSUB socket only subscribes: say messages through a PUB socket at the broker's other ZeroMQ address",
  ),
};

/** What to do about a connection that was closed, for the log. Beside these, a peer that is gone is only counted. */
const closings: Readonly<Record<IllegalReason | CutReason, Words>> = {
  "zmtp-not-zmtp": always("malformed", noZeroMq),
  "zmtp-handshake-timeout": always("timeout", noZeroMq),
  "zmtp-reserved-flags": always("malformed", damaged),
  "zmtp-command-more": always("malformed", damaged),
  "zmtp-command-name": always("malformed", damaged),
  "zmtp-ready-twice": always("malformed", damaged),
  "zmtp-unexpected-command": always("malformed", damaged),
  "zmtp-early-traffic": always("malformed", damaged),
  "zmtp-short-ping": always("malformed", damaged),
  "zmtp-hello": always("malformed", "user name or password are no UTF-8, or the HELLO of PLAIN is damaged (RFC 24)"),
  "zmtp-metadata": always("malformed", "the properties of READY are damaged (RFC 23 §3.4)"),
  "zmtp-handshake-too-large": always("too-large", "READY has too many or too long properties (zmqHandshakeMaxBytes)"),
  "zmtp-frame-too-large": {
    code: "too-large",
    remedy: ({ zmqFrameMaxBytes }) =>
      `a frame has at most ${zmqFrameMaxBytes} bytes (zmqFrameMaxBytes). It ended the connection, and what waited ` +
      "behind it is lost: send large things in parts, or a reference to them",
  },
  "zmtp-message-too-large": {
    code: "too-large",
    remedy: ({ zmqMessageMaxBytes }) =>
      `a message has at most ${zmqMessageMaxBytes} bytes in all its frames (zmqMessageMaxBytes); ` +
      "it ended the connection",
  },
  "zmtp-evicted": always(
    "slow-consumer",
    "it read more slowly than all others when too many bytes waited (backlogTotalMaxBytes): let it read faster",
  ),
  "zmtp-stuck": {
    code: "slow-consumer",
    remedy: ({ stuckMs }) => `it read nothing for ${stuckMs} ms although messages waited for it: is it still working?`,
  },
  "zmtp-answers-unread": always("slow-consumer", "it sends PING and does not read the answers"),
  "zmtp-answer-dropped": always("slow-consumer", "it sends PING and does not read the answers"),
};

/** The fault of a connection that is closed for `reason`; undefined where nobody needs to be told. */
export function closingFault(reason: string, limits: Limits): Fault | undefined {
  if (!Object.hasOwn(closings, reason)) return undefined;
  const { code, remedy } = closings[reason as keyof typeof closings]; // one of its keys, just checked
  return new Fault(code, remedy(limits));
}

const secondMs = 1_000;

/**
 * Tells of what is lost of one peer: one line in the log for its address, kind and minute, and a fault to the agent. In
 * one second it tells as often as one recipient may hear of faults; the caller counts each loss.
 */
export class Losses {
  readonly #parts: Pick<SharedParts, "clock" | "limits" | "policy" | "warn">;
  readonly #door: DoorKind;
  readonly #peer: ZmtpPeer;
  #since = -Infinity;
  #told = 0;

  constructor(parts: Pick<SharedParts, "clock" | "limits" | "policy" | "warn">, door: DoorKind, peer: ZmtpPeer) {
    this.#parts = parts;
    this.#door = door;
    this.#peer = peer;
  }

  /** `subscription`: the one that was lost. */
  tell(reason: LossReason, subscription?: string): void {
    const { clock, limits, policy, warn } = this.#parts;
    const now = clock.monotonic();
    if (now - this.#since >= secondMs) {
      this.#since = now;
      this.#told = 0;
    }
    if (this.#told >= limits.faultsPerSecondMax) return;
    this.#told += 1;
    const { code, remedy } = losses[reason];
    const words = remedy(limits);
    const { declared, principal, remote } = this.#peer;
    warn(this.#door, remote, principal?.agent ?? declared, reason, words);
    const detail = { reason, ...(subscription !== undefined && { subscription: cutText(shownTopic(subscription)) }) };
    // Whoever has no name hears this under the topic that it asked for; under a topic that is too long it cannot.
    const heard =
      reason === "zmtp-subscriptions-full" || reason === "zmtp-subscriptions-large" ? subscription : undefined;
    policy.refused(this.#peer, new Fault(code, words, { detail }), heard);
  }
}
