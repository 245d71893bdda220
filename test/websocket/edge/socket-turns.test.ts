import { PassThrough } from "node:stream";
import { expect, it } from "vitest";
import { FakeClock } from "../../../src/conformance/fake-clock.js";
import { ReadTurns } from "../../../src/core/index.js";
import { readInTurn } from "../../../src/websocket/edge/socket-turns.js";

it("a socket whose bytes wait for their turn is not read, whoever resumes it", async () => {
  const clock = new FakeClock();
  const socket = new PassThrough({ highWaterMark: 1_000_000 });
  let taken = 0;
  socket.on("data", function socketOnData(chunk: Buffer) {
    taken += chunk.length;
    clock.advance(5); // longer than a turn
  });
  const readTurns = new ReadTurns(clock);
  const reader = readInTurn(socket, readTurns, {
    isStranger: () => false,
    mayRead: () => true,
    arrived: () => undefined,
    failed: (thrown) => {
      throw thrown;
    },
  });
  const all = 100_000;
  socket.write(Buffer.alloc(all));
  while (!readTurns.waits(reader)) await new Promise((resolve) => setImmediate(resolve));
  expect(taken).toBeLessThan(all);
  socket.resume(); // as `ws` does when the connection's answers have left
  expect(socket.isPaused()).toBe(true);
  while (readTurns.waits(reader)) await new Promise((resolve) => setImmediate(resolve));
  expect([taken, socket.isPaused()]).toEqual([all, false]);
});
