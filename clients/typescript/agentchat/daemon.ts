/** The daemon (AgentChat §9): `import { AgentChatDaemon, … } from "synaptic-core/lib/daemon.js"`. */
export { AgentChatDaemon, type AgentChatDaemonOptions } from "./daemon/daemon.js";
export {
  getDaemonStatus,
  isDaemonRunning,
  listDaemons,
  stopAllDaemons,
  stopDaemon,
  type DaemonStatus,
  type DaemonStopped,
} from "./daemon/control.js";
export type { ClientHears, DaemonClient, DaemonClientFactory, DaemonClientOptions } from "./daemon/daemon-client.js";
export type { NotJoined } from "./daemon/channels.js";
export { loadPosition, readNewLines, savePosition, type InboxPosition, type NewLines } from "./daemon/inbox-reader.js";
export {
  getDaemonPaths,
  INBOX_PATH,
  LOG_PATH,
  OUTBOX_PATH,
  PID_PATH,
  type DaemonPaths,
} from "./daemon/instance-folder.js";
