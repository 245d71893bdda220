import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { SecureAgentSocket, type SocketOptions } from "../../clients/typescript/agent-network/index.js";
import { eventually, startBroker, type TestBroker } from "../kit/broker.js";
import { DocumentWorld } from "../kit/document-world.js";
import { Party } from "../kit/network-party.js";
import { networkUrl } from "../kit/network-wire.js";
import { issueToken } from "../kit/tokens.js";

const limits = { networkRatePerSecond: 1_000, networkRateBurst: 1_000 };
const passphrase = "correct horse battery staple";

describe("clients of Agent Network with a store on disk", () => {
  let folder: string;
  let at: TestBroker;
  let open: Party[];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "synaptic-client-"));
    at = await startBroker({ dataDir: join(folder, "broker"), limits });
    open = [];
  });
  afterEach(async () => {
    await Promise.all(open.map(({ socket }) => socket.close()));
    await at.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const party = async (agent: string, options: SocketOptions = {}): Promise<Party> => {
    const token = await issueToken(at.dataDir, agent, "ws");
    const store = join(folder, agent);
    const made = new Party(new SecureAgentSocket(networkUrl(at.pan), token, agent, { store, passphrase, ...options }));
    open.push(made);
    return made;
  };
  const login = async (agent: string, options?: SocketOptions): Promise<Party> => {
    const made = await party(agent, options);
    await made.socket.connect();
    return made;
  };
  const texts = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, n) => `text ${from + n}`);
  const says = async (from: Party, to: string, words: readonly string[]): Promise<void> => {
    await Promise.all(words.map((word) => from.socket.inform(to, word)));
  };
  const allArrived = (of: Party): Promise<void> =>
    eventually(() => of.socket.pendingMessages.size === 0, "all have their receipts");

  it("go on when the broker was restarted, without loss, repetition or disorder", async () => {
    const [alice, bob] = [await login("agent_alice"), await login("agent_bob")];
    await says(alice, "agent_bob", texts(0, 20));
    await bob.hears("text 10");
    const ws = [at.pan.replace(/^ws:\/\//, "").replace(/\/pan$/, "")];
    await at.stop();
    await says(alice, "agent_bob", texts(20, 40));
    at = await startBroker({ dataDir: join(folder, "broker"), limits, ws });
    await bob.hears("text 39");
    expect(bob.texts).toEqual(texts(0, 40));
    await allArrived(alice);
    expect(alice.opens.all.length).toBeGreaterThanOrEqual(2);
    expect([alice.events.all, bob.events.all]).toEqual([[], []]);
  });

  it("say after a restart what they had kept, in its order", async () => {
    const alice = await party("agent_alice");
    await says(alice, "agent_bob", texts(0, 10)); // never connected
    await alice.socket.close();
    const again = await login("agent_alice");
    expect(again.socket.pendingMessages.size).toBe(10);
    await says(again, "agent_bob", texts(10, 15));
    await again.socket.close();
    const bob = await login("agent_bob");
    const third = await login("agent_alice");
    await bob.hears("text 14");
    expect(bob.texts).toEqual(texts(0, 15));
    await allArrived(third);
  });

  it("know after a restart what they have processed, whom they have met and who they are", async () => {
    const [alice, bob] = [await login("agent_alice"), await login("agent_bob")];
    await says(alice, "agent_bob", texts(0, 30));
    await bob.hears("text 15");
    const fingerprint = await bob.socket.fingerprint();
    await bob.socket.close(); // some are processed and have no receipt yet
    await says(alice, "agent_bob", texts(30, 40));
    const again = await login("agent_bob");
    await again.hears("text 39");
    await allArrived(alice);
    expect([...bob.texts, ...again.texts]).toEqual(texts(0, 40));
    expect(await again.socket.fingerprint()).toBe(fingerprint);
    expect(await again.socket.fingerprintOf("agent_alice")).toBe(await alice.socket.fingerprint());
    const seen = (await again.socket.transcript({ limit: 100 })).map(({ content }) => content["text"]).reverse();
    expect(seen).toEqual(texts(0, 40));
    expect([alice.events.all, again.events.all].flat().filter(({ kind }) => kind !== "not-opened")).toEqual([]);
  });

  it("open the store by the new passphrase once it was changed, and renew their keys", async () => {
    const [alice, bob] = [await login("agent_alice"), await login("agent_bob")];
    await says(alice, "agent_bob", ["before"]);
    await bob.hears("before");
    const before = alice.socket.keyPair?.publicKey;
    await alice.socket.changePassphrase(passphrase, "another and longer one");
    expect(alice.socket.keyPair?.publicKey).not.toEqual(before);
    await says(alice, "agent_bob", ["after"]);
    await bob.hears("after");
    await alice.socket.close();
    const wrong = await party("agent_alice");
    await expect(wrong.socket.connect()).rejects.toMatchObject({
      name: "NetworkError",
      code: "ENCRYPTION_ERROR",
      message: expect.stringMatching(/passphrase does not open/) as string,
    });
    const right = await login("agent_alice", { passphrase: "another and longer one" });
    const twice = await party("agent_alice", { passphrase: "another and longer one" });
    await expect(twice.socket.connect()).rejects.toMatchObject({ code: "ENCRYPTION_ERROR" });
    await expect(right.socket.changePassphrase("wrong", "third")).rejects.toMatchObject({ code: "ENCRYPTION_ERROR" });
    await says(right, "agent_bob", ["again"]);
    await bob.hears("again");
    expect(bob.events.all.filter(({ kind }) => kind !== "not-opened")).toEqual([]);
  });

  it("touch no disk without a passphrase", async () => {
    const nobody = await party("agent_alice", { passphrase: undefined } as object);
    await expect(nobody.socket.connect()).rejects.toThrow(/needs a passphrase/);
    expect(() => new SecureAgentSocket("ws://x", "t", "a", { passphrase: "long enough" })).toThrow(
      /say where, as store/,
    );
  });
});

describe("a client whose token ends", () => {
  let world: DocumentWorld;
  let open: Party[];
  beforeEach(async () => {
    world = await DocumentWorld.start({ limits });
    open = [];
  });
  afterEach(async () => {
    await Promise.all(open.map(({ socket }) => socket.close()));
    await world.stop();
  });

  const login = async (agent: string, endsInS: readonly number[]): Promise<{ party: Party; asked: () => number }> => {
    let asked = 0;
    const { ca } = world.options;
    const Secure = class extends WebSocket {
      constructor(url: string) {
        super(url, { ca });
      }
    };
    const authToken = (): Promise<string> => {
      const ends = endsInS[asked] ?? 3_600;
      asked += 1;
      const now = Math.floor(Date.now() / 1_000);
      return world.token(`user of ${agent}`, { iat: now - 60, auth_time: now - 60, exp: now + ends });
    };
    const options = { WebSocket: Secure as unknown as NonNullable<SocketOptions["WebSocket"]> };
    const party = new Party(new SecureAgentSocket(world.url, authToken, agent, options));
    open.push(party);
    await party.socket.connect();
    return { party, asked: () => asked };
  };

  it("has the next one before that, on the same connection, while messages flow", async () => {
    const { party: alice, asked } = await login("agent_alice", [3]);
    const { party: bob } = await login("agent_bob", []);
    const said: string[] = [];
    while (asked() < 2) {
      said.push(`text ${said.length}`);
      await alice.socket.inform("agent_bob", said.at(-1) ?? "");
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await bob.hears(said.at(-1) ?? "");
    expect(bob.texts).toEqual(said);
    const connected = (): number =>
      alice.socket.messageLog().filter(({ messageType }) => messageType === "CONNECTED").length;
    await eventually(() => connected() === 2, "the broker has taken the new token");
    expect(alice.opens.all).toHaveLength(1);
  });

  it("comes back with another one where the broker has ended the first", async () => {
    // Clocks may be 30 s apart: for the broker this one ends four or five seconds from now.
    const { party: alice } = await login("agent_alice", [-25]);
    const { party: bob } = await login("agent_bob", []);
    await alice.socket.inform("agent_bob", "before");
    await bob.hears("before");
    await alice.opens.next();
    await alice.opens.next();
    await alice.socket.inform("agent_bob", "after");
    await bob.hears("after");
    expect(bob.texts).toEqual(["before", "after"]);
    expect(alice.errors.map(({ message }) => message)).toEqual([expect.stringMatching(/token/)]);
  });
});
