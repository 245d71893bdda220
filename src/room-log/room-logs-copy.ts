import { rmSync } from "node:fs";
import { join } from "node:path";
import { copyLmdb, TablesLmdb } from "../storage/index.js";
import { epochOfCopy, isLogRow, logKey, type LogTableRow } from "./log-row.js";
import { logsTable } from "./room-logs-lmdb.js";

/**
 * Copies what durable rooms remember into another folder, also while a broker uses it. Whoever opens the copy first
 * gives each log an epoch of its own: places behind the copy are given anew, to other messages (protocols §10.2).
 * @param to not there yet
 * @throws Fault unavailable, naming the folder and the remedy
 */
export async function copyRoomLogs(from: string, to: string): Promise<void> {
  if (!(await copyLmdb(from, to))) return;
  const tables = new TablesLmdb({ path: to, holds: "what durable rooms remember", failed: () => undefined });
  tables.open();
  try {
    const table = tables.table<LogTableRow>(logsTable);
    const rows = [...table.range(logKey(""), logKey("\uffff"))];
    await table.batch(
      rows.flatMap(([key, row]) => (isLogRow(row) ? [{ put: key, value: { ...row, epoch: epochOfCopy } }] : [])),
    );
  } finally {
    await tables.close();
  }
  rmSync(join(to, "lock.mdb"), { force: true });
}
