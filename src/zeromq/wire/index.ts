export { readEndpoint, type Endpoint } from "./endpoint.js";
export type { DoorKind } from "./handshake.js";
export { ZmtpListener, type ZmtpConnectionStatus, type ZmtpListenerOptions } from "./listener.js";
export type { ZmtpAuth } from "./mechanism.js";
export type { Mechanism, PublisherPeer, SubscriberPeer, ZmtpPeer, ZmtpPolicy } from "./policy.js";
