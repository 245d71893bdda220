import { appendFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Inbox } from "../../../clients/typescript/agentchat/daemon/inbox.js";
import { DaemonLog } from "../../../clients/typescript/agentchat/daemon/log.js";
import { Outbox } from "../../../clients/typescript/agentchat/daemon/outbox.js";
import { OutboxFile } from "../../../clients/typescript/agentchat/daemon/outbox-file.js";
import { Uplink } from "../../../clients/typescript/agentchat/daemon/uplink.js";
import { block, FakeClient, jsonLines, refusal, tempDir } from "./daemon-world.js";

describe("sending the outbox", () => {
  let temp: Awaited<ReturnType<typeof tempDir>>;
  let client: FakeClient;
  let uplink: Uplink;
  let box: Outbox;
  let stop: AbortController;
  let running: Promise<void>;
  let inbox: Inbox;
  let setAside: number;
  const at = (file: string): string => join(temp.dir, file);
  const rejected = (): unknown[] => jsonLines(at("rejected"));
  const events = (): unknown[] => jsonLines(at("log")).map(({ event }) => event);
  const contents = (): string[] => client.sent.map(({ content }) => content);
  const line = (content: string, to = "#general"): string => `${JSON.stringify({ to, content })}\n`;
  const pass = async (ms: number): Promise<void> => {
    box.wake();
    await vi.advanceTimersByTimeAsync(ms);
  };

  beforeEach(async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    temp = await tempDir();
    const log = new DaemonLog(at("log"));
    uplink = new Uplink({
      makeClient: (hears) => (client = new FakeClient({ server: "", name: "" }, hears)),
      channels: [],
      log,
      hear: () => undefined,
      changed: () => undefined,
      giveUp: () => undefined,
    });
    await uplink.open();
    inbox = new Inbox(at("inbox"), log);
    setAside = 0;
    const file = OutboxFile.open({ outbox: at("outbox"), progress: at("progress") }, "one", log);
    box = new Outbox({
      file,
      rejected: at("rejected"),
      inbox,
      uplink,
      log,
      pollMs: 1_000,
      onSetAside: () => (setAside += 1),
    });
    stop = new AbortController();
    running = box.run(stop.signal);
  });
  afterEach(async () => {
    stop.abort();
    await running;
    await uplink.close();
    inbox.close();
    vi.useRealTimers();
    await temp.remove();
  });

  it("sends a line as it comes, and one whose change nobody told by the poll", async () => {
    writeFileSync(at("outbox"), line("first"));
    await pass(0);
    expect(client.sent).toMatchObject([{ to: "#general", content: "first" }]);
    appendFileSync(at("outbox"), line("second", "@abc"));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(contents()).toEqual(["first", "second"]);
  });

  it("sets aside what is no message, with the reason, and sends the rest", async () => {
    const bad = [
      "not json",
      "[]",
      "null",
      '"x"',
      "{}",
      '{"to":"general","content":"x"}',
      '{"to":"#general"}',
      '{"to":"#general","content":7}',
      '{"to":"#g","content":"x","in_reply_to":5}',
    ];
    writeFileSync(
      at("outbox"),
      [...bad.map((text) => `${text}\n`), "\n  \r\n", line("x".repeat(65_000)), line("good")].join(""),
    );
    appendFileSync(at("outbox"), Buffer.from([0x22, 0xff, 0xfe, 0x22, 0x0a]));
    await pass(0);
    expect(contents()).toEqual(["good"]);
    expect(
      jsonLines(at("rejected"))
        .slice(0, bad.length)
        .map(({ line: kept }) => kept),
    ).toEqual(bad);
    expect(rejected()).toHaveLength(bad.length + 2);
    expect(jsonLines(at("rejected")).map(({ reason }) => reason)).toEqual(
      expect.arrayContaining([
        "this is not JSON",
        "this is not UTF-8",
        expect.stringMatching(/^to: /),
        expect.stringMatching(/^content: /),
        expect.stringMatching(/too long/),
      ]),
    );
  });

  it("says of a name that stands for an id how to find the id, and nothing of that to who wrote an id", async () => {
    const nobody = () =>
      Object.assign(refusal("AGENT_NOT_FOUND"), { message: "no agent is here; ask for the list of agents" });
    client.failures.send.push(nobody(), nobody());
    writeFileSync(at("outbox"), line("by name", "@bob") + line("by id", "@0123456789abcdef"));
    await pass(0);
    expect(jsonLines(at("rejected")).map(({ reason }) => reason)).toEqual([
      "no agent is here; a name is no address: agentchat agents SERVER '#general' tells ids and names; write to the id",
      "no agent is here; ask for the list of agents",
    ]);
  });

  it("sets aside what the server will never take, whichever way it says so", async () => {
    writeFileSync(at("outbox"), line("to nowhere", "#nowhere") + line("refused later") + line("good"));
    client.failures.send.push(refusal("CHANNEL_NOT_FOUND"));
    let refuse = 2;
    client.onSend = (id) => {
      if ((refuse -= 1) === 0) client.hears.refused(refusal("NOT_INVITED", { ref: id }));
    };
    await pass(0);
    expect(contents()).toEqual(["to nowhere", "refused later", "good"]);
    expect(rejected()).toMatchObject([
      { code: "CHANNEL_NOT_FOUND", reason: "CHANNEL_NOT_FOUND, in words" },
      { code: "NOT_INVITED", reason: "NOT_INVITED, in words" },
    ]);
    expect(events()).not.toContain("refused by the server");
  });

  it("does not take another's refusal for one of its message", async () => {
    writeFileSync(at("outbox"), line("good"));
    client.onSend = () => {
      client.hears.refused(refusal("INVALID_MSG"));
      client.hears.refused(refusal("NOT_INVITED", { ref: "another" }));
    };
    await pass(0);
    expect(contents()).toEqual(["good"]);
    expect(rejected()).toEqual([]);
  });

  it("waits as long as RATE_LIMITED says and sends the same message with the same id", async () => {
    writeFileSync(at("outbox"), line("patient"));
    client.onSend = (id) => {
      if (client.sent.length === 1) client.hears.refused(refusal("RATE_LIMITED", { ref: id, retryAfterMs: 5_000 }));
    };
    await pass(4_900);
    expect(client.sent).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1_300);
    expect(client.sent).toHaveLength(2);
    expect(client.sent[1]).toEqual(client.sent[0]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(client.sent).toHaveLength(2);
  });

  it("sends again what was not confirmed when the line was lost, on the next one", async () => {
    writeFileSync(at("outbox"), line("unsure") + line("next"));
    const before = client;
    before.failures.ping.push(refusal("CLOSED"));
    before.onSend = () => {
      before.hears.closed({ code: 1006 });
    };
    await pass(0);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(client).not.toBe(before);
    expect(contents()).toEqual(["unsure", "next"]);
    expect(client.sent[0]).toEqual(before.sent[0]);
  });

  it("takes another connection when a PING is not answered, whose late answer would be taken for that of the next", async () => {
    writeFileSync(at("outbox"), line("unsure") + line("next"));
    const before = client;
    before.failures.ping.push(refusal("TIMEOUT"));
    await pass(0);
    await vi.advanceTimersByTimeAsync(2_000);
    expect([before.isGone, client === before]).toEqual([true, false]);
    expect(before.sent).toHaveLength(1);
    expect(contents()).toEqual(["unsure", "next"]);
    expect(client.sent[0]).toEqual(before.sent[0]);
  });

  it("tells its writer that who overwrites the file with the same bytes has said nothing", async () => {
    writeFileSync(at("outbox"), line("hello"));
    await pass(0);
    writeFileSync(at("outbox"), line("hello"));
    utimesSync(at("outbox"), new Date(), new Date(Date.now() + 5_000)); // surely later
    await pass(5_000);
    inbox.flush();
    expect(contents()).toEqual(["hello"]);
    expect(jsonLines(at("inbox"))).toMatchObject([
      {
        type: "ERROR",
        code: "INVALID_MSG",
        message: expect.stringMatching(/^outbox.jsonl was written anew with lines that were sent before/) as string,
      },
    ]);
    expect(jsonLines(at("log")).filter(({ level }) => level === "warn")).toHaveLength(1);
  });

  it("sets aside a message for whose length the server hangs up, instead of trying for ever", async () => {
    writeFileSync(at("outbox"), line("long") + line("short"));
    const before = client;
    before.failures.ping.push(refusal("CLOSED"));
    before.onSend = () => {
      before.hears.closed({ code: 1009 });
    };
    await pass(0);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(contents()).toEqual(["short"]);
    expect(rejected()).toMatchObject([{ code: "TOO_LONG", reason: "the server takes no message of this length" }]);
  });

  it("gives a message at which the server fails five times, then the next one its turn", async () => {
    writeFileSync(at("outbox"), line("poison") + line("good"));
    client.failures.send.push(...Array.from({ length: 5 }, () => refusal("INTERNAL")));
    await pass(0);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(contents()).toEqual([...Array.from({ length: 5 }, () => "poison"), "good"]);
    expect(rejected()).toMatchObject([{ code: "INTERNAL" }]);
  });

  it("sends nothing more while its record cannot be written, says so once, and loses nothing", async () => {
    let lift = block(at("progress"));
    writeFileSync(at("outbox"), line("one") + line("two"));
    await pass(5_000);
    expect(client.sent).toEqual([]);
    lift();
    client.onSend = () => {
      if (client.sent.length === 1) lift = block(at("progress"));
    };
    await vi.advanceTimersByTimeAsync(5_000);
    expect(contents()).toEqual(["one"]);
    lift();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(contents()).toEqual(["one", "two"]);
    expect(jsonLines(at("log")).filter(({ code }) => code === "EISDIR")).toHaveLength(2);
  });

  it("keeps a line that cannot be set aside until it can", async () => {
    symlinkSync("/dev/full", at("rejected"));
    writeFileSync(at("outbox"), `garbage\n${line("good")}`);
    await pass(3_000);
    expect(client.sent).toEqual([]);
    rmSync(at("rejected"));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(rejected()).toMatchObject([{ line: "garbage" }]);
    expect(contents()).toEqual(["good"]);
  });

  it("tells the inbox of each line that is set aside, with the line's beginning, and counts them", async () => {
    const long = `{"to":"#general","content":7,"more":"${"ä".repeat(600)}"}`;
    writeFileSync(at("outbox"), `garbage\n${long}\n${line("refused", "#closed")}${"x".repeat(1_200_000)}\n`);
    client.onSend = (id) => {
      client.hears.refused(refusal("NOT_INVITED", { ref: id }));
    };
    await pass(0);
    inbox.flush();
    const told = jsonLines(at("inbox"));
    expect(told).toMatchObject([
      { type: "ERROR", code: "INVALID_MSG", message: "this is not JSON", line: "garbage" },
      { type: "ERROR", code: "INVALID_MSG", message: "content: it must be a string" },
      { type: "ERROR", code: "NOT_INVITED", message: "NOT_INVITED, in words", line: line("refused", "#closed").trim() },
      { type: "ERROR", code: "INVALID_MSG", message: "it is too long to be a message", line: "x".repeat(1_024) },
    ]);
    expect(told.map(({ ts }) => typeof ts)).toEqual(["number", "number", "number", "number"]);
    expect(long.startsWith(String(told[1]?.["line"]))).toBe(true);
    expect(Buffer.byteLength(String(told[1]?.["line"]))).toBe(1_023); // an ä has two bytes
    expect(setAside).toBe(4);
  });

  it("warns once of a last line without its newline, after five seconds in which nothing was added", async () => {
    const errors = (): unknown[] => jsonLines(at("inbox"));
    const whole = line("forgotten");
    writeFileSync(at("outbox"), whole.slice(0, 10));
    await pass(4_000);
    appendFileSync(at("outbox"), whole.slice(10, -1));
    await pass(4_000);
    expect(errors()).toEqual([]);
    await pass(20_000);
    expect(errors()).toMatchObject([
      {
        type: "ERROR",
        code: "INVALID_MSG",
        message: expect.stringMatching(/end each line with a newline/) as string,
        line: whole.trim(),
      },
    ]);
    expect(events().filter((event) => event === "outbox ends within a line, which is not sent")).toHaveLength(1);
    appendFileSync(at("outbox"), `\n${line("next")}another`);
    await pass(20_000);
    expect(contents()).toEqual(["forgotten", "next"]);
    expect(errors()).toMatchObject([{}, { line: "another" }]);
  });

  it("writes nothing of what is said into the log", async () => {
    writeFileSync(at("outbox"), `${line("secret words")}{"secret words\n${line("secret words", "secret words")}`);
    await pass(0);
    expect(events()).toContain("sent");
    expect(events().filter((event) => event === "outbox line set aside")).toHaveLength(2);
    expect(JSON.stringify(jsonLines(at("log")))).not.toContain("secret words");
  });
});
