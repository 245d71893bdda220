import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Inbox } from "../../../clients/typescript/agentchat/daemon/inbox.js";
import { DaemonLog } from "../../../clients/typescript/agentchat/daemon/log.js";
import { Outbox } from "../../../clients/typescript/agentchat/daemon/outbox.js";
import { OutboxFile } from "../../../clients/typescript/agentchat/daemon/outbox-file.js";
import { Uplink } from "../../../clients/typescript/agentchat/daemon/uplink.js";
import { FakeClient, jsonLines, refusal, tempDir } from "./daemon-world.js";

type Line = Readonly<Record<string, unknown>>;

describe("a step that may have been taken", () => {
  let temp: Awaited<ReturnType<typeof tempDir>>;
  let client: FakeClient;
  let log: DaemonLog;
  let box: Outbox;
  let prepare: (client: FakeClient) => void;
  let stop: () => Promise<void>;
  const at = (file: string): string => join(temp.dir, file);
  const events = (): unknown[] => jsonLines(at("log")).map(({ event }) => event);
  const errors = (): Line[] => jsonLines(at("inbox")).filter(({ type }) => type === "ERROR");
  const writes = (line: Line): void => {
    appendFileSync(at("outbox"), `${JSON.stringify(line)}\n`);
  };
  const accept = { type: "ACCEPT", proposal_id: "p1" };
  const accepted = { type: "ACCEPT", proposal_id: "p1", from: "@fake", status: "accepted" };
  const notPending = (): Error => refusal("INVALID_PROPOSAL", { ref: "ACCEPT" });

  async function start(): Promise<void> {
    const inbox = new Inbox(at("inbox"), log);
    const makeClient = (hears: FakeClient["hears"]): FakeClient => {
      client = new FakeClient({ server: "", name: "" }, hears);
      prepare(client);
      return client;
    };
    const hear = (event: Line): void => {
      inbox.add(event);
    };
    const uplink = new Uplink({
      makeClient,
      channels: [],
      log,
      hear,
      changed: () => undefined,
      giveUp: () => undefined,
    });
    await uplink.open();
    const file = OutboxFile.open({ outbox: at("outbox"), progress: at("progress") }, "one", log);
    box = new Outbox({ file, rejected: at("rejected"), inbox, uplink, log, pollMs: 100, onSetAside: () => undefined });
    const stopping = new AbortController();
    const running = box.run(stopping.signal);
    stop = async () => {
      stopping.abort();
      await running;
      await uplink.close();
      inbox.close();
    };
    await vi.advanceTimersByTimeAsync(0);
  }
  /** Says a line, and ends before the server has answered: with what it heard in its inbox, or without. */
  async function interrupted(line: Line, heard?: Line): Promise<void> {
    writes(line);
    prepare = (made) => {
      made.onCall = () => {
        if (heard !== undefined) made.hears.event(heard);
        made.failures[line["type"] === "PROPOSAL" ? "propose" : "accept"].push(refusal("CLOSED"));
        made.hears.closed({ code: 1006 });
      };
    };
    await start();
    await stop();
    prepare = () => undefined;
  }

  beforeEach(async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    temp = await tempDir();
    log = new DaemonLog(at("log"));
    prepare = () => undefined;
  });
  afterEach(async () => {
    await stop();
    vi.useRealTimers();
    await temp.remove();
  });

  it("is not said again if the inbox tells that it was", async () => {
    await interrupted(accept, accepted);
    writes({ to: "#general", content: "next" });
    await start();
    expect(client.called).toEqual([]);
    expect(client.sent).toMatchObject([{ content: "next" }]);
    expect(events()).toContain("said before, and taken: it is not said again");
    expect(errors()).toEqual([]);
  });

  it("is said again if nothing tells, and a refusal is told as one that may be none", async () => {
    await interrupted(accept);
    prepare = ({ failures }) => failures.accept.push(notPending());
    await start();
    expect(client.called).toEqual([["accept", "p1", undefined]]);
    await vi.advanceTimersByTimeAsync(0);
    expect(errors()).toMatchObject([
      {
        code: "INVALID_PROPOSAL",
        message: expect.stringMatching(
          /^INVALID_PROPOSAL, in words \(this line was said again after an interruption/,
        ) as string,
        line: JSON.stringify(accept),
      },
    ]);
  });

  it("is no error if its event comes with the refusal of the second time", async () => {
    await interrupted(accept);
    prepare = (made) => {
      made.onCall = () => {
        made.hears.event(accepted);
      };
      made.failures.accept.push(notPending());
    };
    await start();
    expect(errors()).toEqual([]);
    expect(jsonLines(at("rejected"))).toEqual([]);
    expect(events()).toContain("refused when it was said again; it was taken before");
  });

  it("is not taken for taken by an event that was there before it: said twice, it is refused", async () => {
    writeFileSync(at("inbox"), `${JSON.stringify(accepted)}\n`);
    writes(accept);
    prepare = ({ failures }) => failures.accept.push(notPending());
    await start();
    await vi.advanceTimersByTimeAsync(0);
    expect(errors()).toMatchObject([{ code: "INVALID_PROPOSAL", message: "INVALID_PROPOSAL, in words" }]);
  });

  it("is told for one proposal among equal ones by the last of them", async () => {
    const proposal = { type: "PROPOSAL", to: "@bob", task: "review", amount: 5 };
    const told = (id: string): Line => ({ ...proposal, proposal_id: id, id, from: "@fake" });
    writeFileSync(at("inbox"), `${JSON.stringify(told("first"))}\n`);
    await interrupted(proposal);
    await start();
    expect(client.called).toMatchObject([["propose", "@bob", { task: "review", amount: 5 }]]);
    await stop();
    await interrupted(proposal, told("second"));
    await start();
    expect(client.called).toEqual([]);
  });

  it("is another one if its writer has put another line in its place", async () => {
    writeFileSync(at("inbox"), `${JSON.stringify({ ...accepted, type: "REJECT" })}\n`);
    await interrupted(accept);
    writeFileSync(at("outbox"), `${JSON.stringify({ type: "REJECT", proposal_id: "p1" })}\n`);
    await start();
    expect(client.called).toEqual([["reject", "p1", undefined]]);
  });

  it("has its event on the disk before its line counts as done", async () => {
    await start();
    client.onCall = () => {
      client.hears.event(accepted);
    };
    writes(accept);
    box.wake();
    const isDone = (): boolean => Number(jsonLines(at("progress"))[0]?.["offset"] ?? 0) > 0;
    while (!isDone())
      await new Promise((resolve) => {
        setImmediate(resolve);
      }); // no timer runs meanwhile
    expect(jsonLines(at("inbox"))).toEqual([accepted]);
  });

  it("is given up when the server never answers it, so that the next line is said", async () => {
    writes(accept);
    writes({ to: "#general", content: "next" });
    prepare = ({ failures }) => failures.accept.push(...Array.from({ length: 5 }, () => refusal("TIMEOUT")));
    await start();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(client.called).toHaveLength(5);
    expect(client.sent).toMatchObject([{ content: "next" }]);
    expect(errors()).toMatchObject([{ code: "TIMEOUT" }]);
  });
});
