import { createHash } from "node:crypto";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BacklogTotal, Flusher, Ledger, SendQueue } from "../../../src/core/index.js";
import { writerOf } from "../../../src/websocket/edge/direct-write.js";
import { eventually } from "../../kit/broker.js";

let near: Socket;
let far: Socket;
let ledger: Ledger;
let total: BacklogTotal;
let flusher: Flusher;
let queue: SendQueue;
/** Writes that called back more than once. */
let twice: number;

beforeEach(async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  far = connect((server.address() as AddressInfo).port, "127.0.0.1");
  [near] = (await once(server, "connection")) as [Socket];
  server.close();
  for (const socket of [near, far]) socket.on("error", () => undefined);
  [ledger, flusher, twice] = [new Ledger(), new Flusher(), 0];
  total = new BacklogTotal(1e9, ledger);
  const write = writerOf(near);
  const wire: ConstructorParameters<typeof SendQueue>[0]["wire"] = {
    write: (bytes, done) => {
      let calls = 0;
      write(bytes, (error) => {
        if ((calls += 1) > 1) twice += 1;
        done(error);
      });
    },
  };
  queue = new SendQueue({ wire, flusher, ledger, total, maxBytes: 1e9, evict: () => undefined, monotonic: () => 0 });
  const own = queue;
  near.on("close", () => {
    own.close();
  });
});
afterEach(() => {
  near.destroy();
  far.destroy();
});

describe("writing to a socket past the queue of its stream", () => {
  it("keeps every byte in order for a reader that stops now and then", async () => {
    const [sent, heard] = [createHash("sha256"), createHash("sha256")];
    let [left, chunks, copies] = [0, 0, 0];
    far.on("data", (chunk) => {
      heard.update(chunk);
      left -= chunk.length;
      if ((chunks += 1) % 10 === 0) {
        far.pause();
        setTimeout(() => far.resume(), 2);
      }
    });
    for (let n = 0; n < 1_000; n += 1) {
      const bytes = Buffer.alloc(n % 10 === 0 ? (n * 7_919) % 200_000 : (n * 7_919) % 5_000, n);
      sent.update(bytes);
      left += bytes.length;
      if (n % 5 === 0) queue.control(bytes, n % 2 === 0);
      else {
        copies += 1;
        queue.append(bytes, 0, bytes.length, 1, false, n % 3 > 0);
      }
      if (n % 20 === 0) await new Promise(setImmediate);
    }
    await eventually(() => left === 0 && queue.buffered === 0, "all of it is there");
    expect(heard.digest("hex")).toBe(sent.digest("hex"));
    expect(ledger.copies).toMatchObject({ copies, written: copies, pending: 0 });
    expect([total.bytes, twice]).toEqual([0, 0]);
  });

  it("leaves what is under way before the end of the stream", async () => {
    far.pause();
    const bytes = Buffer.alloc(300_000, 1);
    for (let n = 0; n < 40; n += 1) queue.append(bytes, 0, bytes.length, 1, false, false);
    flusher.flush();
    expect(queue.buffered).toBeGreaterThan(0);
    await eventually(() => ledger.copies.written > 0, "some has left");
    let heard = 0;
    far.on("data", (chunk) => (heard += chunk.length));
    far.resume();
    await eventually(() => queue.buffered === 0, "the rest has left");
    near.end();
    await once(far, "end");
    expect(heard).toBe(40 * bytes.length);
    expect(ledger.copies).toMatchObject({ written: 40, pending: 0 });
  });

  it.each(["destroyed here", "reset by the peer"])(
    "calls nothing written that was under way when the socket was %s",
    async (how) => {
      far.pause();
      const bytes = Buffer.alloc(1_000_000, 1);
      for (let n = 0; n < 40; n += 1) queue.append(bytes, 0, bytes.length, 1, false, true);
      const written = ledger.copies.written;
      expect(queue.buffered).toBeGreaterThan(0);
      if (how === "destroyed here") near.destroy();
      else far.resetAndDestroy();
      await eventually(() => queue.closed, "the end is known");
      expect(near.destroyed).toBe(true);
      expect(ledger.copies).toMatchObject({ copies: 40, written, pending: 0, dropped: { closed: 40 - written } });
      expect([total.bytes, twice]).toEqual([0, 0]);
    },
  );

  it("fails a write that comes after the end instead of waiting for it", async () => {
    near.end();
    await once(far, "end");
    near.destroy();
    const failure = await new Promise<Error | null | undefined>((resolve) => {
      writerOf(near)(Buffer.from("late"), resolve);
    });
    expect(failure).toBeInstanceOf(Error);
  });
});
