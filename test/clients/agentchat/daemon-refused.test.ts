import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  AgentChatDaemon,
  getDaemonPaths,
  getDaemonStatus,
  isDaemonRunning,
} from "../../../clients/typescript/agentchat/daemon.js";
import { Comeback } from "../../../clients/typescript/agentchat/daemon/comeback.js";
import { HeardMessages } from "../../../clients/typescript/agentchat/daemon/heard.js";
import { eventually } from "../../kit/broker.js";
import { FakeClient, jsonLines, refusal, tempDir } from "./daemon-world.js";

const minute = 60_000;
const message =
  "another session of the same identity has taken over; one identity is one session: " +
  "give each program and each machine one of its own";

describe("a daemon that is not wanted", () => {
  let temp: Awaited<ReturnType<typeof tempDir>>;
  let clients: FakeClient[];
  let prepare: (client: FakeClient) => void;
  const daemons: AgentChatDaemon[] = [];
  beforeEach(async () => {
    temp = await tempDir();
    clients = [];
    prepare = () => undefined;
  });
  afterEach(async () => {
    vi.useRealTimers();
    await Promise.all(daemons.splice(0).map((one) => one.stop()));
    await temp.remove();
  });

  function make(channels: readonly string[] = ["#general"]): AgentChatDaemon {
    const made = new AgentChatDaemon({
      server: "ws://nowhere",
      dir: temp.dir,
      channels,
      pollMs: 20,
      handleSignals: false,
      clientFactory: (options, hears) => {
        const client = new FakeClient(options, hears);
        prepare(client);
        clients.push(client);
        return client;
      },
    });
    daemons.push(made);
    return made;
  }
  const paths = () => getDaemonPaths("default", temp.dir);
  const inbox = () => jsonLines(paths().inbox);
  const status = () => getDaemonStatus("default", temp.dir);
  const waits = (): unknown[] => jsonLines(paths().log).flatMap(({ inMs }) => (inMs === undefined ? [] : [inMs]));
  const refused = (code: string, call = "IDENTIFY"): Error => Object.assign(refusal(code), { call });
  const says = (to: string, content: string): void => {
    appendFileSync(paths().outbox, `${JSON.stringify({ to, content })}\n`);
  };

  it.each(["BANNED", "NOT_ALLOWED", "INVALID_MSG", "INVALID_NAME", "SESSION_DISPLACED"])(
    "ends when the server answers its introduction with %s, and says so in log, inbox and status",
    async (code) => {
      prepare = ({ failures }) => failures.connect.push(refused(code));
      await expect(make().start()).rejects.toMatchObject({ code });
      expect(clients).toHaveLength(1);
      expect(isDaemonRunning("default", temp.dir)).toBe(false);
      expect(jsonLines(paths().log).map(({ event }) => event)).toContain(
        "the daemon gives up: trying again cannot help",
      );
      expect(inbox()).toMatchObject([{ type: "ERROR", code }]);
      expect(status().lastError).not.toBe("");
      expect(status()).toMatchObject({ running: false, connected: false });
    },
  );

  it("ends when the server refuses it and hangs up before that is dealt with", async () => {
    prepare = (client) => {
      client.connect = () => {
        client.hears.closed({ code: 1008, reason: "refused" });
        return Promise.reject(refused("BANNED"));
      };
    };
    await expect(make().start()).rejects.toMatchObject({ code: "BANNED" });
  });

  it("ends when a later connection is refused for good", async () => {
    const mine = make();
    await mine.start();
    prepare = ({ failures }) => failures.connect.push(refused("BANNED", "VERIFY_IDENTITY"));
    clients[0]?.hears.closed({ code: 1006 });
    expect(await mine.ended).toMatchObject({ code: "BANNED" });
    expect(clients).toHaveLength(2);
  });

  it.each(["RATE_LIMITED", "INTERNAL", "AUTH_REQUIRED", "TIMEOUT", "CLOSED"])(
    "goes on trying when its introduction fails with %s",
    async (code) => {
      prepare = ({ failures }) => {
        if (clients.length === 0) failures.connect.push(refused(code));
      };
      await make().start();
      await eventually(() => status().connected, "it is connected");
      expect(clients).toHaveLength(2);
    },
  );

  it("comes back 15 s after another session has displaced it, then later and later, up to 5 minutes", async () => {
    await make().start();
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    for (const seconds of [15, 30, 60, 120, 240, 300, 300]) {
      const before = clients.length;
      clients.at(-1)?.hears.closed({ code: 4409, reason: "displaced" });
      expect(status()).toMatchObject({ running: true, connected: false, lastError: message });
      await vi.advanceTimersByTimeAsync(seconds * 1_000 - 1);
      expect(clients).toHaveLength(before);
      await vi.advanceTimersByTimeAsync(1);
      expect(clients).toHaveLength(before + 1);
      expect(inbox().at(-1)).toMatchObject({
        type: "ERROR",
        code: "SESSION_DISPLACED",
        message: `${message}; the daemon comes back in ${seconds} s`,
      });
    }
    expect(waits()).toEqual([15, 30, 60, 120, 240, 300, 300].map((seconds) => seconds * 1_000));
  });

  it.each<readonly [string, (client: FakeClient) => void]>([
    [
      "before it was in its channels",
      (client) => {
        client.join = () => {
          client.hears.closed({ code: 4409 });
          return Promise.resolve();
        };
      },
    ],
    [
      "while a JOIN waits for the server's rate",
      (client) => {
        client.join = () => {
          setImmediate(() => {
            client.hears.closed({ code: 4409 });
          });
          return Promise.reject(refusal("RATE_LIMITED", { retryAfterMs: 60_000 }));
        };
      },
    ],
  ])("comes back no sooner when it is displaced %s", async (_when, displace) => {
    prepare = displace;
    await make().start();
    expect(waits()).toEqual([15_000]);
    expect(clients).toHaveLength(1);
  });

  it("begins with 15 s again after a connection that lasted", () => {
    let now = 0;
    const comeback = new Comeback(() => now);
    const waited = (readyFor: number): number => {
      comeback.ready();
      now += readyFor;
      return comeback.next();
    };
    expect([1, 5 * minute, 5 * minute, 11 * minute, 1].map(waited)).toEqual([15, 30, 60, 15, 30].map((s) => s * 1_000));
  });

  it("joins a channel before the first message to it, once for each connection, and stays there", async () => {
    const mine = make([]);
    await mine.start();
    for (const content of ["one", "two"]) says("#dev", content);
    says("@bob", "three");
    await eventually(() => clients[0]?.sent.length === 3, "three are sent");
    expect(clients[0]?.joined).toEqual(["#dev"]);
    clients[0]?.hears.closed({ code: 1006 });
    says("#dev", "four");
    await eventually(() => clients[1]?.sent.length === 1, "the fourth is sent");
    expect(clients[1]?.joined).toEqual(["#dev"]);
    expect(status()).toMatchObject({ joined: ["#dev"] });
    await mine.stop();
    await make([]).start();
    expect(clients[2]?.joined).toEqual(["#dev"]);
  });

  it.each(["NOT_INVITED", "CHANNEL_NOT_FOUND"])("refuses a line to a channel whose JOIN ends with %s", async (code) => {
    await make([]).start();
    clients[0]?.failures.join.push(refusal(code));
    says("#closed", "one");
    says("#open", "two");
    await eventually(() => clients[0]?.sent.length === 1, "the second is sent");
    expect(clients[0]?.sent).toMatchObject([{ to: "#open" }]);
    await eventually(() => inbox().length === 1, "the first is refused");
    expect(inbox()).toMatchObject([
      { code, message: `${code}, in words`, line: expect.stringContaining("one") as string },
    ]);
  });

  it("waits for the server's rate when that limits the JOIN before a message, and loses nothing", async () => {
    await make([]).start();
    clients[0]?.failures.join.push(refusal("RATE_LIMITED", { retryAfterMs: 30 }));
    says("#dev", "one");
    await eventually(() => clients[0]?.sent.length === 1, "it is sent");
    expect(clients[0]?.joined).toEqual(["#dev", "#dev"]);
  });

  it("sends all the same where a JOIN is refused for another reason, and asks once for each connection", async () => {
    await make([]).start();
    clients[0]?.failures.join.push(refusal("ALREADY_THERE"));
    for (const content of ["one", "two"]) says("#dev", content);
    await eventually(() => clients[0]?.sent.length === 2, "both are sent");
    expect(clients[0]?.joined).toEqual(["#dev"]);
  });

  it("writes what a server tells again after a reconnect once, also over a restart", async () => {
    const told = (n: number, more = {}) => ({
      type: "MSG",
      from: "@ada",
      to: "#general",
      content: `hi ${n}`,
      ts: n,
      ...more,
    });
    const mine = make();
    await mine.start();
    for (const n of [1, 2]) clients[0]?.hears.event(told(n));
    clients[0]?.hears.event(told(3, { msg_id: "m3" }));
    clients[0]?.hears.closed({ code: 1006 });
    await eventually(() => clients.length === 2, "it is back");
    clients[1]?.hears.event(told(2, { replay: true }));
    clients[1]?.hears.event({ ...told(3, { msg_id: "m3", replay: true }), ts: 99 });
    await mine.stop();
    await make().start();
    for (const n of [1, 2, 4]) clients[2]?.hears.event(told(n, { replay: true }));
    await eventually(() => inbox().length === 4, "the fourth is there");
    expect(inbox().map(({ content }) => content)).toEqual(["hi 1", "hi 2", "hi 3", "hi 4"]);
  });
});

describe("what was heard before", () => {
  const told = { type: "MSG", from: "@ada", to: "#general", content: "ok", ts: 1, msg_id: "1" };
  const long = "m".repeat(32);
  it.each([
    ["the same", told, true],
    ["the same without an id", { ...told, msg_id: "" }, false],
    ["a client's count that begins again", { ...told, ts: 2 }, false],
    ["the same id in a replay", { ...told, ts: 2, replay: true }, true],
    ["another's message with that id", { ...told, from: "@eve" }, false],
    ["another text with that id", { ...told, content: "no" }, false],
    ["another channel", { ...told, to: "#dev" }, false],
    ["no message", { ...told, type: "AGENT_JOINED" }, false],
  ])("tells %s apart", (_what, event, expected) => {
    const heard = new HeardMessages();
    expect(heard.isKnown(told)).toBe(false);
    expect(heard.isKnown(event)).toBe(expected);
  });

  it("knows an id that nobody gives twice, whatever its time, from the lines of an inbox", () => {
    const heard = new HeardMessages();
    heard.learn(["", "no JSON", JSON.stringify({ ...told, msg_id: long })]);
    expect(heard.isKnown({ ...told, msg_id: long, ts: 7 })).toBe(true);
  });

  it("forgets the oldest of more than 2,000", () => {
    const heard = new HeardMessages();
    const nth = (n: number) => ({ ...told, msg_id: `${n}`, ts: n });
    for (let n = 0; n <= 2_000; n += 1) heard.isKnown(nth(n));
    expect([heard.isKnown(nth(1)), heard.isKnown(nth(2_000)), heard.isKnown(nth(0))]).toEqual([true, true, false]);
  });
});

describe("the paths of the instance without a name", () => {
  it("are those below the working folder, whatever that is when they are used", async () => {
    const { INBOX_PATH, OUTBOX_PATH, LOG_PATH, PID_PATH } =
      await import("../../../clients/typescript/agentchat/daemon.js");
    const { inbox, outbox, log, pid } = getDaemonPaths("default");
    expect([INBOX_PATH, OUTBOX_PATH, LOG_PATH, PID_PATH].map((path) => join(process.cwd(), path))).toEqual([
      inbox,
      outbox,
      log,
      pid,
    ]);
  });
});
