import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Strangers } from "../../kit/strangers.js";
import { greeting, RawPeer } from "./raw-peer.js";
import { startWorld, until, type World, type WorldOptions } from "./world.js";

const one = "192.0.2.1";
const other = "198.51.100.7";

describe("the ZeroMQ doors, where strangers come", () => {
  let world: World;
  let strangers: Strangers;
  const peers: RawPeer[] = [];
  beforeEach(() => {
    strangers = new Strangers();
  });
  afterEach(async () => {
    strangers.end();
    for (const peer of peers.splice(0)) peer.close();
    await world.listener.stop();
  });

  const start = async (limits: WorldOptions["limits"]): Promise<void> => {
    world = await startWorld({ ...(limits !== undefined && { limits }) });
  };
  const keep = (peer: RawPeer): RawPeer => {
    peers.push(peer);
    return peer;
  };
  /** Connects and says nothing. */
  const silent = async (address: string | undefined, url = world.outUrl): Promise<RawPeer> =>
    keep(await strangers.from(address, () => RawPeer.connect(url)));
  /** Connects and finishes its handshake. */
  const meet = async (address: string, socketType = "SUB"): Promise<RawPeer> =>
    keep(
      await strangers.from(address, () => RawPeer.open(socketType === "SUB" ? world.outUrl : world.inUrl, socketType)),
    );
  const reasons = (): Readonly<Record<string, number>> => world.ledger.reasons;
  /** What the log says why somebody was refused, by address. */
  const warned = (): readonly string[] =>
    world.logged.map(({ fields }) => `${String(fields["address"])} ${String(fields["reason"])}`);

  it("find a place for a stranger when one address has taken all: its oldest waits for its end in silence", async () => {
    await start({ zmqHalfOpenMax: 3, zmqHoldMs: 1_001 });
    const crowd = [await silent(one), await silent(one, world.inUrl), await silent(one)];
    await Promise.all(crowd.map((peer) => peer.read(11)));
    const late = await silent(one);
    expect(reasons()).toEqual({ "zmtp-full": 1 });
    await meet(other);
    expect(reasons()).toEqual({ "zmtp-full": 2 });
    expect(warned()).toEqual([`${one} zmtp-full`]);
    // Its handshake is not read any more.
    crowd[0]?.send(greeting("NULL"));
    await Promise.all([crowd[0]?.closed, late.closed]);
    expect(crowd.map(({ isClosed, unread }) => [isClosed, unread.length])).toEqual([
      [true, 0],
      [false, 0],
      [false, 0],
    ]);
    expect(late.unread).toHaveLength(0);
  });

  it("let everybody in who has no place yet, however many addresses have one each", async () => {
    await start({ zmqHalfOpenMax: 4 });
    for (let at = 0; at < 40; at += 1) await silent(`2001:db8:0:${at.toString(16)}::1`);
    await meet(other);
    await meet(one, "PUB");
    expect(world.listener.connections()).toHaveLength(2);
  });

  it("have a place to wait for whoever is refused, whatever one address has refused to it", async () => {
    await start({ zmqHalfOpenMax: 2, zmqConnectionsMax: 0, zmqHoldMs: 60_000 });
    const crowd = [await silent(one), await silent(one), await silent(one)];
    await crowd[2]?.closed;
    expect(reasons()).toEqual({ "zmtp-full": 2, "zmtp-turned-away": 1 });
    const stranger = await silent(other);
    await crowd[0]?.closed;
    expect([crowd[1]?.isClosed, stranger.isClosed]).toEqual([false, false]);
    expect(reasons()).toEqual({ "zmtp-full": 3, "zmtp-turned-away": 2 });
  });

  it("do not count those who wait for their end among the connections", async () => {
    await start({ zmqConnectionsMax: 2, zmqConnectionsPerAddressMax: 1, zmqHoldMs: 60_000 });
    await meet(one);
    for (let at = 0; at < 5; at += 1) await silent(one);
    await meet(other);
    expect(reasons()).toEqual({ "zmtp-address-full": 5 });
  });

  it("let one address have so many connections, in an IPv6 network together, and say what to raise", async () => {
    await start({ zmqConnectionsPerAddressMax: 2, zmqHoldMs: 60_000 });
    const first = await meet("2001:db8::1");
    await meet("2001:db8::2", "PUB");
    await silent("2001:db8::3");
    expect(world.logged.at(-1)?.fields).toMatchObject({
      address: "2001:db8::3",
      reason: "zmtp-address-full",
      remedy: expect.stringContaining("raise zmqConnectionsPerAddressMax") as string,
    });
    await meet("2001:db8:0:1::1");
    first.close();
    await until(() => world.listener.connections().length === 2, "one has gone");
    await meet("2001:db8::3");
    expect(reasons()["zmtp-address-full"]).toBe(1);
  });

  it("let one address begin connections so fast, and say what to raise", async () => {
    await start({ zmqHandshakesPerSecond: 0.001, zmqHandshakesBurst: 2, zmqHoldMs: 60_000 });
    await meet(one);
    await meet(one);
    await silent(one);
    await meet(other);
    expect(warned()).toEqual([`${one} zmtp-address-hasty`]);
    expect(world.logged[0]?.fields["remedy"]).toContain("raise zmqHandshakesPerSecond");
  });

  it("except this machine, over tcp and ipc, from what one address may have, and from making room", async () => {
    await start({ zmqConnectionsPerAddressMax: 0, zmqHandshakesBurst: 0, zmqHalfOpenMax: 2, zmqHoldMs: 60_000 });
    for (let at = 0; at < 3; at += 1) keep(await RawPeer.open(world.outUrl, "SUB"));
    await silent(one);
    expect(reasons()).toEqual({ "zmtp-address-full": 1 });
    const own = [await silent("127.0.0.1"), await silent("::1")];
    await Promise.all(own.map((peer) => peer.read(11)));
    await silent("127.0.0.1");
    expect(reasons()).toEqual({ "zmtp-address-full": 1, "zmtp-full": 1 });
    expect(own.map(({ isClosed }) => isClosed)).toEqual([false, false]);
  });

  it("do not take somebody for one of this machine who was gone before it was met", async () => {
    await start({});
    const gone = await silent(undefined);
    await gone.closed;
    expect(gone.unread).toHaveLength(0);
    expect([reasons(), world.policy.peers]).toEqual([{}, []]);
  });

  it("give every place back", async () => {
    await start({ zmqHalfOpenMax: 1, zmqConnectionsMax: 1, zmqConnectionsPerAddressMax: 1 });
    for (let at = 0; at < 5; at += 1) {
      const refused = await silent(one);
      refused.send(Buffer.from("GET / HTTP/1.1\r\n\r\n"));
      await refused.closed;
      const peer = await meet(other);
      peer.close();
      await until(() => world.listener.connections().length === 0, "it has gone");
    }
  });
});
