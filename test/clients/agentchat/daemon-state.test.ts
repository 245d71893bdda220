import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  AgentChatDaemon,
  getDaemonPaths,
  getDaemonStatus,
  listDaemons,
  type AgentChatDaemonOptions,
} from "../../../clients/typescript/agentchat/daemon.js";
import { processStart } from "../../../clients/typescript/agentchat/daemon/run-files.js";
import { eventually } from "../../kit/broker.js";
import { block, FakeClient, jsonLines, refusal, tempDir } from "./daemon-world.js";

describe("how a daemon is, as its files tell", () => {
  let temp: Awaited<ReturnType<typeof tempDir>>;
  const daemons: AgentChatDaemon[] = [];
  const clients: FakeClient[] = [];
  beforeEach(async () => {
    temp = await tempDir();
  });
  afterEach(async () => {
    vi.useRealTimers();
    await Promise.all(daemons.splice(0).map((one) => one.stop()));
    clients.splice(0);
    await temp.remove();
  });

  function daemon(options: Partial<AgentChatDaemonOptions> = {}): AgentChatDaemon {
    const made = new AgentChatDaemon({ server: "ws://nowhere", dir: temp.dir, pollMs: 100, ...options });
    daemons.push(made);
    return made;
  }
  function faked(
    options: Partial<AgentChatDaemonOptions> = {},
    prepare: (client: FakeClient) => void = () => undefined,
  ): AgentChatDaemon {
    const clientFactory: AgentChatDaemonOptions["clientFactory"] = (told, hears) => {
      const client = new FakeClient(told, hears);
      prepare(client);
      clients.push(client);
      return client;
    };
    return daemon({ clientFactory, ...options });
  }
  const status = (): ReturnType<typeof getDaemonStatus> => getDaemonStatus("default", temp.dir);
  async function freePort(): Promise<number> {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((done) => server.once("listening", done));
    const { port } = server.address() as AddressInfo;
    await new Promise((done) => server.close(done));
    return port;
  }

  it("tells who it is, where it is, and where it could not go", async () => {
    const identity = join(temp.dir, "x", "..", "me.json");
    await faked({ identity, channels: ["#one", "#gone"] }, ({ failures }) =>
      failures.join.push(undefined, refusal("CHANNEL_NOT_FOUND")),
    ).start();
    const expected = {
      running: true,
      connected: true,
      agentId: "@fake",
      identity: resolve(temp.dir, "me.json"),
      joined: ["#one"],
      notJoined: [{ channel: "#gone", code: "CHANNEL_NOT_FOUND" }],
      rejectedLines: 0,
    };
    expect(status()).toMatchObject(expected);
    expect(status()).not.toHaveProperty("lastError");
    expect(listDaemons(temp.dir)).toMatchObject([expected]);
  });

  it("names the system's own reason while there is no server, in its log, too", async () => {
    const port = await freePort();
    const mine = daemon({ server: `ws://127.0.0.1:${port}` });
    await mine.start();
    const reason = `connect ECONNREFUSED 127.0.0.1:${port}`;
    expect(status()).toMatchObject({ running: true, connected: false, lastError: reason, joined: [] });
    expect(status()).not.toHaveProperty("agentId");
    expect(jsonLines(mine.paths.log)).toContainEqual(
      expect.objectContaining({ event: "connects again", code: "CLOSED", cause: reason }),
    );
  });

  it("says so when the connection is lost, and forgets it when it is back; a key's agent stays who it is", async () => {
    let refuse = true;
    const mine = faked({ identity: "me.json" }, ({ failures }) => {
      if (clients.length > 0 && refuse) failures.connect.push(refusal("CLOSED"));
    });
    await mine.start();
    clients[0]?.hears.closed({ code: 1001, reason: "the broker is stopping" });
    expect(status()).toMatchObject({
      connected: false,
      agentId: "@fake",
      lastError: "the connection was closed: 1001 the broker is stopping",
      joined: [],
    });
    refuse = false;
    await eventually(() => status().connected, "it is back");
    expect(status()).not.toHaveProperty("lastError");
    expect(status()).toMatchObject({ joined: ["#general", "#agents"] });
  });

  it("never shows a dead process as connected", () => {
    const paths = getDaemonPaths("default", temp.dir);
    mkdirSync(paths.dir, { recursive: true });
    const left = {
      pid: process.pid,
      start: `not ${processStart(process.pid) ?? ""}`,
      startedAt: 1,
      server: "ws://x",
      channels: [],
      connected: true,
      agentId: "@a",
      joined: ["#one"],
      identity: "/me.json",
    };
    writeFileSync(paths.run, JSON.stringify(left));
    writeFileSync(paths.pid, `${process.pid}\n`);
    expect(status()).toMatchObject({ running: false, connected: false, identity: "/me.json" });
    for (const field of ["agentId", "joined", "pid"]) expect(status()).not.toHaveProperty(field);
  });

  it("is not connected after it has stopped", async () => {
    const mine = faked();
    await mine.start();
    await mine.stop();
    expect(status()).toMatchObject({ running: false, connected: false });
  });

  it("leaves the files of its successor alone, whatever comes late", async () => {
    const mine = faked({ channels: ["#closed"] }, ({ failures }) => failures.join.push(refusal("NOT_INVITED")));
    await mine.start();
    const [client] = clients;
    let answer: () => void = () => undefined;
    if (client !== undefined)
      client.join = () =>
        new Promise((resolve) => {
          answer = resolve;
        });
    client?.hears.event({ type: "MSG", from: "@server", content: "ada invites you to #closed" });
    await mine.stop();
    await faked().start();
    const now = readFileSync(mine.paths.run, "utf8");
    answer();
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    expect(readFileSync(mine.paths.run, "utf8")).toBe(now);
  });

  it("is written when the disk allows it again", async () => {
    const mine = faked();
    await mine.start();
    const lift = block(mine.paths.run);
    clients[0]?.hears.closed({ code: 1006 });
    await eventually(() => mine.agentId !== undefined, "it is back");
    lift();
    await eventually(() => status().connected, "it says so");
    expect(jsonLines(mine.paths.log)).toContainEqual(
      expect.objectContaining({
        code: "EISDIR",
        event: "daemon.json cannot be written; its status is an old one until it can",
      }),
    );
  });

  it("has an empty inbox and outbox from the beginning", async () => {
    const mine = faked();
    await mine.start();
    expect([mine.paths.inbox, mine.paths.outbox].map((path) => readFileSync(path, "utf8"))).toEqual(["", ""]);
  });

  it("keeps its folder out of repositories, unless somebody has decided otherwise", async () => {
    const ignore = join(temp.dir, ".agentchat", ".gitignore");
    await faked().start();
    expect(readFileSync(ignore, "utf8")).toBe("*\n");
    rmSync(ignore);
    await faked({ name: "two" }).start();
    expect(existsSync(ignore)).toBe(false);
    const other = join(temp.dir, "other");
    mkdirSync(join(other, ".agentchat"), { recursive: true });
    writeFileSync(join(other, ".agentchat", ".gitignore"), "identity.json\n");
    await faked({ dir: other }).start();
    expect(readFileSync(join(other, ".agentchat", ".gitignore"), "utf8")).toBe("identity.json\n");
  });

  it("asks every 30 s for a channel that was not there, or closed to it, and for no other", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    const mine = faked({ channels: ["#gone", "#closed", "#wrong", "#one"] }, ({ failures }) =>
      failures.join.push(refusal("CHANNEL_NOT_FOUND"), refusal("NOT_INVITED"), refusal("INVALID_MSG")),
    );
    await mine.start();
    const [client] = clients;
    client?.joined.splice(0);
    client?.failures.join.push(refusal("RATE_LIMITED"), refusal("NOT_INVITED"), undefined, refusal("NOT_INVITED"));
    for (const expected of [["#gone", "#closed"], ["#gone", "#closed"], ["#closed"], []]) {
      await vi.advanceTimersByTimeAsync(29_999);
      expect(client?.joined).toEqual([]);
      await vi.advanceTimersByTimeAsync(1);
      expect(client?.joined.splice(0)).toEqual(expected);
    }
    expect(status()).toMatchObject({
      joined: ["#one", "#gone", "#closed"],
      notJoined: [{ channel: "#wrong", code: "INVALID_MSG" }],
    });
    expect(jsonLines(mine.paths.log).filter(({ level }) => level === "warn")).toHaveLength(3);
  });

  it("tells the reader of its inbox of each channel once, over reconnects, and again after it was inside", async () => {
    const gone = () => refusal("CHANNEL_NOT_FOUND");
    let prepare: (client: FakeClient) => void = ({ failures }) => failures.join.push(gone());
    const mine = faked({ channels: ["#gone", "#one"] }, (client) => {
      prepare(client);
    });
    const told = () => jsonLines(mine.paths.inbox).filter(({ type }) => type === "ERROR");
    await mine.start();
    const words = /^you are not in #gone: .*\{"type":"CREATE_CHANNEL","channel":"#gone"\}$/;
    const one = { code: "CHANNEL_NOT_FOUND", message: expect.stringMatching(words) as string };
    await eventually(() => told().length === 1, "it is told");
    expect(told()).toMatchObject([one]);
    const reconnects = async (): Promise<void> => {
      const before = clients.length;
      clients.at(-1)?.hears.closed({ code: 1006 });
      await eventually(() => clients.length > before && status().connected, "it is back");
    };
    await reconnects();
    expect(told()).toHaveLength(1);
    prepare = () => undefined;
    await reconnects();
    prepare = ({ failures }) => failures.join.push(gone());
    await reconnects();
    await eventually(() => told().length > 1, "it is told again");
    expect(told()).toMatchObject([one, one]);
  });

  it("asks at once when the server's word names the channel", async () => {
    await faked({ channels: ["#closed"] }, ({ failures }) => failures.join.push(refusal("NOT_INVITED"))).start();
    clients[0]?.hears.event({ type: "MSG", from: "@stranger", content: "come to #closed" });
    clients[0]?.hears.event({ type: "MSG", from: "@server", content: "ada invites you to #other" });
    expect(clients[0]?.joined).toEqual(["#closed"]);
    clients[0]?.hears.event({ type: "MSG", from: "@server", content: "ada invites you to #closed; join it" });
    await eventually(() => status().joined?.length === 1, "it is in");
    expect(clients[0]?.joined).toEqual(["#closed", "#closed"]);
  });
});
