import type { NetworkStore } from "./store.js";

/** Records that are read and opened at once: the application's own work goes on between. */
const pageRecords = 512;

/** All records of a table, in the order of their keys, some at a time. */
export async function* pagesOf(
  store: Pick<NetworkStore, "read">,
  table: string,
): AsyncGenerator<readonly (readonly [key: string, value: Uint8Array])[]> {
  for (let after: string | undefined; ;) {
    const rows = await store.read(table, { limit: pageRecords, ...(after === undefined ? {} : { after }) });
    yield rows;
    after = rows.at(-1)?.[0];
    if (rows.length < pageRecords) return;
  }
}
