import type { DoorCount } from "./metric-sources.js";

/** What the two kinds of doors say of their connections. */
export interface OpenDoors {
  readonly zmq: Iterable<{ readonly door: "in" | "out" }>;
  /** Open WebSockets, whatever they speak. */
  readonly websockets: number;
  /** Those of them that a dialect has, by its name. */
  readonly sessions: Readonly<Record<string, number>>;
}

/** Connections by door and dialect; `none`: WebSockets that have not said yet what they speak. */
export function doorCounts({ zmq, websockets, sessions }: OpenDoors): readonly DoorCount[] {
  let publishers = 0;
  let subscribers = 0;
  for (const { door } of zmq) {
    if (door === "in") publishers += 1;
    else subscribers += 1;
  }
  const spoken = Object.values(sessions).reduce((sum, count) => sum + count, 0);
  return [
    { door: "publisher", dialect: "zmq", count: publishers },
    { door: "subscriber", dialect: "zmq", count: subscribers },
    ...Object.entries(sessions).map(([dialect, count]): DoorCount => ({ door: "websocket", dialect, count })),
    { door: "websocket", dialect: "none", count: Math.max(0, websockets - spoken) },
  ];
}
