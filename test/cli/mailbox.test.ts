import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Agent } from "../../src/index.js";
import { auditLines } from "../ops/kit.js";
import { serveBroker, type Served } from "./served.js";

/** Lines of JSON, as they go into a pipe. */
function rows(text: string): readonly Record<string, unknown>[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe("broker mailbox, through the real binary", () => {
  let served: Served;
  let ada: Agent;
  const cli = (...args: readonly string[]) => served.cli("mailbox", ...args);

  beforeAll(async () => {
    served = await serveBroker("--keep-mail", "carl", "dora");
    ada = await Agent.connect({ name: "ada", in: served.at.zmqIn, out: served.at.zmqOut });
  });
  afterAll(async () => {
    await ada.close();
    await served.end();
  });

  /** Says something for a name that is away; resolves when it waits there. */
  async function said(to: string, ...texts: readonly string[]): Promise<void> {
    for (const text of texts) await ada.inform(to, text);
    await ada.agents(); // the broker has read what came before
  }

  it("lists the boxes of the configuration, and those that were opened", async () => {
    expect(
      await cli("open", "bob", "--mode", "take", "--keep", "2d", "--max", "7", "--max-bytes", "64k"),
    ).toMatchObject({
      code: 0,
    });
    const list = await cli("list");
    expect(list.code).toBe(0);
    expect(rows(list.stdout).map(({ agent }) => agent)).toEqual(["bob", "carl", "dora"]);
    expect(rows(list.stdout)[0]).toMatchObject({
      mode: "take",
      keep_s: 172_800,
      max: 7,
      max_bytes: 65_536,
      waiting: 0,
    });
  });

  it("shows one, and says which was meant", async () => {
    expect(rows((await cli("show", "carl")).stdout)).toMatchObject([{ agent: "carl", here: false, trust: "claimed" }]);
    expect(await cli("show", "karl")).toMatchObject({
      code: 4,
      stdout: "",
      stderr: expect.stringMatching(/karl has no mailbox; did you mean carl\?/) as string,
    });
  });

  it("looks at messages and changes nothing by that, from a cursor on", async () => {
    await said("carl", "one", "two", "three");
    const first = await cli("peek", "carl", "--max", "2");
    const texts = (text: string) =>
      rows(text).map(({ message }) => (message as { content: { message: string } }).content.message);
    expect(texts(first.stdout)).toEqual(["one", "two"]);
    const cursor = /--after (\S+)/.exec(first.stderr)?.[1] ?? "";
    const second = await cli("peek", "carl", "--after", cursor);
    expect(texts(second.stdout)).toEqual(["three"]);
    expect(second.stderr).not.toContain("--after");
    expect(rows((await cli("show", "carl")).stdout)).toMatchObject([{ waiting: 3, leased: 0 }]);
    const other = `${cursor.startsWith("00") ? "11" : "00"}${cursor.slice(2)}`;
    expect(await cli("peek", "carl", "--after", other)).toMatchObject({ code: 4 });
    expect(await cli("peek", "carl", "--after", "nonsense")).toMatchObject({ code: 2 });
  });

  it("takes messages, gives them back, and is done with them", async () => {
    await said("dora", "one", "two", "three");
    const texts = (text: string) => rows(text).map((message) => (message["content"] as { message: string }).message);
    expect(texts((await cli("take", "dora", "--release")).stdout)).toEqual(["one", "two", "three"]);
    expect(texts((await cli("take", "dora", "--max", "1", "--done")).stdout)).toEqual(["one"]);
    expect(await cli("take", "dora", "--done", "--release")).toMatchObject({ code: 2 });
    const leased = await cli("take", "dora");
    expect(texts(leased.stdout)).toEqual(["two", "three"]);
    expect(leased.stderr).toMatch(/2 taken, for two minutes/);
    expect(rows((await cli("show", "dora")).stdout)).toMatchObject([{ waiting: 0, leased: 2, done: 1 }]);
    expect(await cli("take", "dora", "--done")).toMatchObject({
      code: 0,
      stdout: "",
      stderr: expect.stringContaining("2 are taken and not settled: broker mailbox release dora") as string,
    });
  });

  it("frees what somebody has taken who was killed, but not under the hands of its owner", async () => {
    expect(await cli("release", "dora")).toMatchObject({ code: 0, stderr: "2 wait again for dora\n" });
    expect(rows((await cli("show", "dora")).stdout)).toMatchObject([{ waiting: 2, leased: 0 }]);
    expect(await cli("release", "dora")).toMatchObject({ code: 0, stderr: "nobody has taken anything of dora's\n" });
    await cli("open", "dora", "--mode", "take"); // else what waits is pushed to her before she asks for it
    const dora = await Agent.connect({ name: "dora", mailbox: "take", in: served.at.zmqIn, out: served.at.zmqOut });
    try {
      for await (const mail of dora.mail({ max: 1 })) {
        const { stderr, code } = await cli("release", "dora");
        expect([code, stderr]).toEqual([4, expect.stringMatching(/dora is here.*broker mailbox release dora ID/)]);
        const id = String(mail.$broker?.delivery_id);
        expect(await cli("release", "dora", id, "nonsense")).toMatchObject({
          code: 4,
          stderr: /1 waits again for dora.*nonsense/s,
        });
        break;
      }
    } finally {
      await dora.close();
    }
    expect(rows((await cli("show", "dora")).stdout)).toMatchObject([{ waiting: 2, leased: 0 }]);
    await cli("take", "dora", "--done");
  });

  it("delivers again what is dead, and writes down who did it", async () => {
    const bob = await Agent.connect({ name: "bob", in: served.at.zmqIn, out: served.at.zmqOut });
    const ask = async (kind: string, data: object) =>
      (await bob.request("$broker", { message: kind, kind, data })).content.data as Record<string, unknown[]>;
    await said("bob", "too hard");
    let id = "";
    for (let attempt = 1; attempt <= 5; attempt += 1) {
      const [message] = (await ask("mailbox.take", { wait_ms: 20_000 }))["messages"] ?? [];
      ({ delivery_id: id } = (message as { $broker: { delivery_id: string } }).$broker);
      await ask("mailbox.release", { ids: [id], delay_ms: 1 });
    }
    await bob.close();
    expect(rows((await cli("dead", "bob")).stdout)).toMatchObject([{ state: "dead", reason: "attempts", attempts: 5 }]);
    expect(rows((await cli("redeliver", "bob", id)).stdout)).toEqual([{ delivery_id: id, state: "waiting" }]);
    expect(rows((await cli("peek", "bob")).stdout)).toMatchObject([{ state: "waiting", attempts: 0 }]);
    expect(auditLines(join(served.dataDir, "audit.log"))).toMatchObject(
      expect.arrayContaining([
        expect.objectContaining({ event: "mailbox.opened", agent: "carl", by: "(configuration)" }),
        expect.objectContaining({ event: "mailbox.opened", agent: "bob", by: "operator", mode: "take" }),
        expect.objectContaining({ event: "mailbox.redelivered", agent: "bob", by: "operator", messages: 1 }),
      ]) as unknown[],
    );
  });

  it("tells which deliveries cannot be made again", async () => {
    expect(await cli("dead", "bob")).toMatchObject({ code: 0, stdout: "" });
    expect(await cli("redeliver", "bob", "1-00000000000000000000000000000000")).toMatchObject({
      code: 4,
      stdout: expect.stringContaining('"unknown"') as string,
    });
  });

  it("closes one only when nothing waits, or when that may be lost", async () => {
    expect(await cli("close", "carl")).toMatchObject({
      code: 4,
      stderr: expect.stringContaining("broker mailbox close carl --discard") as string,
    });
    expect(await cli("close", "carl", "--discard")).toMatchObject({ code: 0 });
    expect(await cli("close", "carl")).toMatchObject({ code: 4 });
  });

  it("refuses wrong usage, naming the remedy", async () => {
    expect(await cli("open", "x", "--mode", "pull")).toMatchObject({ code: 2 });
    expect(await cli("open", "x", "--keep", "soon")).toMatchObject({ code: 2 });
    expect(await cli("open", "#lab")).toMatchObject({ code: 2 });
    expect(await cli("peek")).toMatchObject({ code: 2 });
    expect((await served.cli("mailboxes")).stderr).toContain("broker mailbox list");
  });
});
