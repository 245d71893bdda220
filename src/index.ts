/** Synaptic Core as a library: the broker, and the SDK for local agents. */
export { Broker, type BrokerEndpoints, type BrokerStatus } from "./broker.js";
export type { BrokerOptions } from "./config/index.js";
export { AgentChatClient } from "../clients/typescript/agentchat/client.js";
export {
  Agent,
  type AgentOptions,
  type ConnectOptions,
  type ListedAgent,
  type ListedRoom,
  type Notice,
  type Request,
  type Said,
  type SendOptions,
} from "../clients/typescript/agent/index.js";
export {
  defaultLimits,
  Fault,
  type Content,
  type Envelope,
  type FaultCode,
  type Limits,
  type Log,
  type Marks,
  type MessageType,
  type Priority,
  type ReceiptWord,
  type Trust,
} from "./core/index.js";
