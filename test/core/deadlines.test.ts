import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it, vi } from "vitest";
import { LoopClock } from "../../src/core/index.js";
import { WsEdge } from "../../src/websocket/edge/index.js";
import { ZmtpListener } from "../../src/zeromq/wire/index.js";
import { startBroker } from "../kit/broker.js";

const root = fileURLToPath(new URL("../../src", import.meta.url));

/** Who measures real time, and why that is no deadline of somebody else's. */
const exempt: Readonly<Record<string, string>> = {
  "core/clock.ts": "the machine's clock itself",
  "core/loop-clock.ts": "the clock of deadlines itself",
  "core/flusher.ts": "how long a turn of our own takes",
  "broker.ts": "keeps the process alive while it drains",
  "dialect-files.ts": "how long a file of ours may take to load, before the doors open",
  "identity/token-file.ts": "waits for another process's lock, a pause at a time",
  "mailbox/mail-writer.ts": "looks whether our own disk has a commit, a pause at a time",
  "storage/life-socket.ts": "whether another process lives; one that stands still does",
  "storage/pid-lock.ts": "the beat that other processes see",
  "zeromq/wire/ipc-path.ts": "whether somebody listens at a path, before the doors open",
};

it("every deadline of the broker goes by its clock (protocols §0.10)", () => {
  const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter(
    (path) => path.endsWith(".ts") && !/^(?:cli|conformance)\//.test(path),
  );
  const own = files.filter((path) =>
    /\b(?:setTimeout|setInterval|performance\.now|AbortSignal\.timeout|Date\.now)\b/.test(
      readFileSync(`${root}/${path}`, "utf8"),
    ),
  );
  expect(own.filter((path) => exempt[path] === undefined)).toEqual([]);
  expect(Object.keys(exempt).filter((path) => !own.includes(path))).toEqual([]);
});

it("a broker's clock knows of what waits for its turn at every door", async () => {
  const told = vi.spyOn(LoopClock.prototype, "hearFirst");
  const running = await startBroker();
  const [heard] = told.mock.calls;
  const unheardSince = (): number => heard?.[0]() ?? 0;
  expect(unheardSince()).toBe(Infinity);
  for (const { prototype } of [WsEdge, ZmtpListener]) {
    const waiting = vi.spyOn(prototype as { readonly unheardSince: number }, "unheardSince", "get");
    waiting.mockReturnValue(7);
    expect(unheardSince()).toBe(7);
    waiting.mockRestore();
  }
  told.mockRestore();
  await running.stop();
});
