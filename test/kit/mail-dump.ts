import type { BoxRow, MailRow, MailStore } from "../../src/mailbox/index.js";

/** Everything in a store. */
export interface MailDump {
  readonly boxes: readonly BoxRow[];
  readonly rows: readonly MailRow[];
  /** Base64 of the bodies that are there, under `box/seq`. */
  readonly bodies: Readonly<Record<string, string>>;
}

/** What is in a store, as both indices and the boxes see it. */
export function mailDump(store: MailStore, boxes: readonly number[]): MailDump {
  const rows = boxes.flatMap((box) => [...store.rows(box, 0)]);
  return {
    boxes: [...store.boxes()].sort((one, other) => one.id - other.id),
    rows,
    bodies: Object.fromEntries(
      rows.flatMap(({ box, seq }) => {
        const body = store.body(box, seq);
        return body === undefined ? [] : [[`${String(box)}/${String(seq)}`, Buffer.from(body).toString("base64")]];
      }),
    ),
  };
}
