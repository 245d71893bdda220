export { readEndpoint, type Endpoint } from "./door.js";
export type { ZmtpAuth } from "./greeting.js";
export type { DoorKind } from "./handshake.js";
export { ZmtpListener, type ZmtpConnectionStatus, type ZmtpListenerOptions } from "./listener.js";
export type { Mechanism, PublisherPeer, SubscriberPeer, ZmtpPeer, ZmtpPolicy } from "./policy.js";
