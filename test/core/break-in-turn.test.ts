import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { breakInTurn } from "../../src/core/index.js";

describe("a socket that breaks in its turn", () => {
  let server: Server;
  let client: Socket;
  let accepted: Socket;
  /** What waits for its turn. */
  let waiting: (() => void)[];
  /** Resolves when something waits. */
  let waits: Promise<void>;

  beforeEach(async () => {
    server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const arrived = once(server, "connection");
    client = connect((server.address() as AddressInfo).port, "127.0.0.1");
    [accepted] = (await arrived) as [Socket];
    waiting = [];
    waits = new Promise((resolve) => {
      breakInTurn(accepted, (run) => {
        waiting.push(run);
        resolve();
      });
    });
    accepted.resume();
  });
  afterEach(() => {
    client.destroy();
    accepted.destroy();
    server.close();
  });

  it("is not destroyed until then by a peer that was reset, and then with its error", async () => {
    client.resetAndDestroy();
    await waits;
    expect([accepted.destroyed, waiting.length]).toEqual([false, 1]);
    const failed = once(accepted, "error");
    waiting[0]?.();
    expect(accepted.destroyed).toBe(true);
    expect(await failed).toEqual([expect.objectContaining({ code: "ECONNRESET", syscall: "read" })]);
  });

  it("is destroyed at once by us, also while it waits", async () => {
    client.resetAndDestroy();
    await waits;
    const closed = once(accepted, "close");
    accepted.destroy();
    expect(accepted.destroyed).toBe(true);
    await closed;
    waiting[0]?.();
    expect(accepted.destroyed, "the turn comes too late, and harms nothing").toBe(true);
  });

  it("waits for one turn only, however often it is asked to", async () => {
    breakInTurn(accepted, () => {
      throw new Error("a second turn");
    });
    client.resetAndDestroy();
    await waits;
    expect(waiting).toHaveLength(1);
  });
});
